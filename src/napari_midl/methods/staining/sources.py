"""Where a mosaic and its networks come from, and what an output of them depends on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_midl.engine.folding import fold_batch_norm
from napari_midl.engine.models import whole_name
from napari_midl.errors import InputError
from napari_midl.methods.staining.apply import Despeckling, Staining
from napari_midl.methods.staining.models import named_despeckler
from napari_midl.methods.staining.mosaic import Mosaic
from napari_midl.methods.staining.pipeline import Pipeline
from napari_midl.methods.staining.recipe import stain_recipe
from napari_midl.volumes.open import open_volume

if TYPE_CHECKING:
    from napari_midl.engine.models import Model
    from napari_midl.methods.staining.recipe import Recipe
    from napari_midl.methods.staining.settings import DespeckleSettings, StainSettings
    from napari_midl.volumes.volume import Volume

CHANNELS = ("fluorescence", "reflectance")


@dataclass(frozen=True)
class StainSource:
    """Where a worker of a cluster finds a mosaic and what its stain needs.

    Parameters
    ----------
    reflectance, fluorescence : str
        Whole paths of the two channels.
    channels : (int, int)
        Which channel of each file.
    model, despeckler : str
        A shipped model, or the whole path of one.
    reference : str or None
        Whole path of an H&E picture whose colours to take.
    settings : StainSettings
        Which stain.
    """

    reflectance: str
    fluorescence: str
    channels: tuple[int, int]
    model: str
    despeckler: str
    reference: str | None
    settings: StainSettings

    @classmethod
    def of(
        cls,
        reflectance: Path,
        fluorescence: Path,
        channels: tuple[int, int],
        model: str,
        despeckler: str,
        reference: Path | None,
        settings: StainSettings,
    ) -> StainSource:
        """The same from any folder."""
        return cls(
            str(reflectance.resolve()),
            str(fluorescence.resolve()),
            (channels[0], channels[1]),
            whole_name(model),
            whole_name(despeckler),
            str(reference.resolve()) if reference else None,
            settings,
        )

    def load(self) -> Staining:
        """Open the channels and load the networks."""
        mosaic = self.mosaic()
        reference = Path(self.reference) if self.reference else None
        recipe = stain_recipe(self.settings, self.model, self.despeckler, reference)
        identity = identity_of(stain_inputs(mosaic, recipe), self.settings)
        return Staining(mosaic, recipe.pipeline, self.settings, identity, self)

    def mosaic(self) -> Mosaic:
        """The two channels."""
        return Mosaic(
            [
                read_channel(Path(self.fluorescence), self.channels[1]),
                read_channel(Path(self.reflectance), self.channels[0]),
            ]
        )


@dataclass(frozen=True)
class DespeckleSource:
    """Where a worker of a cluster finds a mosaic and its despeckler.

    Parameters
    ----------
    reflectance : str
        Whole path of the mosaic.
    channel : int
        Channel of the file.
    model : str
        A shipped model, or the whole path of one.
    settings : DespeckleSettings
        Tile and device.
    """

    reflectance: str
    channel: int
    model: str
    settings: DespeckleSettings

    @classmethod
    def of(
        cls, reflectance: Path, channel: int, model: str, settings: DespeckleSettings
    ) -> DespeckleSource:
        """The same from any folder."""
        return cls(str(reflectance.resolve()), channel, whole_name(model), settings)

    def load(self) -> Despeckling:
        """Open the mosaic and load the despeckler."""
        mosaic = Mosaic([read_channel(Path(self.reflectance), self.channel)])
        cleaner = named_despeckler(self.model)
        identity = identity_of(despeckle_inputs(mosaic, cleaner), self.settings)
        pipeline = Pipeline(fold_batch_norm(cleaner.network))
        return Despeckling(mosaic, pipeline, self.settings, identity, self)


def read_channel(path: Path, channel: int = 0) -> Volume:
    """One channel of a file, with axes ``Z Y X``.

    Raises
    ------
    InputError
        If it cannot be read, or is a colour picture.
    """
    volume = open_volume(path)
    if volume.channels[:3] == ("red", "green", "blue"):
        raise InputError(
            f"{path} is colour (RGB), no channel of a microscope; give one grey image for each "
            "channel."
        )
    return volume.spatial(channel)


def stain_inputs(mosaic: Mosaic, recipe: Recipe) -> dict[str, Any]:
    """What identifies each input of a stain."""
    channels = zip(CHANNELS, mosaic.channels, strict=True)
    return {**{name: volume.identity() for name, volume in channels}, **recipe.inputs}


def despeckle_inputs(mosaic: Mosaic, despeckler: Model) -> dict[str, Any]:
    """What identifies each input of a despeckling."""
    return {
        "reflectance": mosaic.channels[0].identity(),
        "model": {"sha256": despeckler.sha256},
    }


def identity_of(
    inputs: dict[str, Any], settings: StainSettings | DespeckleSettings
) -> dict[str, Any]:
    """What an output depends on: not where it was computed."""
    hashes = {k: v.get("sha256") or v.get("fingerprint") for k, v in inputs.items()}
    return {**hashes, "settings": {k: v for k, v in settings.to_dict().items() if k != "device"}}
