"""What goes into the staining operations, beyond what every method has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_midl.engine.hashes import hash_path
from napari_midl.engine.inputs import FileIn, ImageIn, In, ModelIn, NamedIn
from napari_midl.engine.outputs import FileOut
from napari_midl.errors import InputError

if TYPE_CHECKING:
    from napari_midl.engine.models import Model
    from napari_midl.methods.staining.mosaic import Mosaic
    from napari_midl.methods.staining.stains import Stains
    from napari_midl.volumes.volume import Volume

SYNTHETIC = "synthetic"


@dataclass(frozen=True)
class ChannelIn(ImageIn):
    """One channel of a mosaic; a colour picture is none."""

    def part(self, whole: Volume) -> Volume:
        """The channel of a file, unless that holds colours or a mask."""
        if whole.channels[:3] == ("red", "green", "blue"):
            raise InputError(
                f"{self.path} is colour (RGB), no channel of a microscope; give one grey image "
                "for each channel."
            )
        if whole.data.dtype.kind == "b":
            raise InputError(
                f"{self.path} holds only true and false, which is a mask and no channel of a "
                "microscope; give the image itself."
            )
        channel = super().part(whole)
        if "T" not in whole.axes:
            return channel
        points = whole.shape[whole.axes.index("T")]
        taken = (
            f"{self.path} has {points} time points, of which {self.time} is taken; --time, "
            "--reflectance-time and --fluorescence-time choose another."
        )
        name = f"{channel.name} (time point {self.time})"
        return replace(channel, name=name, notes=(*channel.notes, taken))


@dataclass(frozen=True)
class StainModelIn(ModelIn):
    """``base`` (shipped), or the path of a model for the method."""

    def open(self, method: str = "density") -> Model:
        """The generator that does `method`."""
        from napari_midl.methods.staining.models import named_translator

        return named_translator(self.name, method)


@dataclass(frozen=True)
class DespecklerIn(ModelIn):
    """``base`` (shipped), or the path of a despeckler; where one is trained also ``scratch``."""

    def open(self, preset: str = "", seed: int = 0) -> Model:
        """The despeckler; `preset` and `seed` are those of an untrained one, where one may be."""
        from napari_midl.methods.staining.models import named_despeckler, scratch_despeckler

        if preset and self.name == "scratch":
            return scratch_despeckler(preset, seed)
        return named_despeckler(self.name)


@dataclass(frozen=True)
class ReferenceIn(In["Stains"]):
    """An H&E picture whose colours to take, or the JSON that ``staining match`` made of it."""

    path: Path

    def open(self) -> Stains:
        """Its hematoxylin and its eosin."""
        from napari_midl.methods.staining.pictures import read_picture
        from napari_midl.methods.staining.stains import read_stains, stains_of

        if self.path.suffix == StainsOut.endings[0]:
            return read_stains(self.path)
        return stains_of(read_picture(self.path), str(self.path))

    def identity(self, opened: Stains) -> dict[str, Any]:
        """The hash of the file."""
        return {"sha256": hash_path(self.path)}


@dataclass(frozen=True)
class StainsOut(FileOut):
    """The ``.json`` file to write."""

    endings = (".json",)


@dataclass(frozen=True)
class SlideOut(FileOut):
    """The slide (``.ome.tif``), a picture of a field (``.png``) or the review (``.geojson``)."""

    endings = (".tif", ".tiff", ".png", ".geojson")

    @property
    def is_picture(self) -> bool:
        """Whether it is a field."""
        return self.path is not None and self.path.suffix == ".png"

    @property
    def is_review(self) -> bool:
        """Whether it is what was decided."""
        return self.path is not None and self.path.suffix == ".geojson"


@dataclass(frozen=True)
class MosaicsIn(NamedIn["dict[str, Mosaic]"]):
    """Folder of pairs NAME_fluorescence.tif and NAME_reflectance.tif, or ``synthetic``."""

    name: str = SYNTHETIC

    def open(self, seed: int = 0) -> dict[str, Mosaic]:
        """The mosaics by name; `seed` is that of synthetic ones."""
        from napari_midl.methods.staining.data import read_mosaics, synthetic_mosaics

        return synthetic_mosaics(seed) if self.name == SYNTHETIC else read_mosaics(Path(self.name))

    @property
    def files(self) -> list[Path]:
        """The folder, unless they are synthetic."""
        return [] if self.name == SYNTHETIC else [Path(self.name)]


@dataclass(frozen=True)
class StainIn(FileIn):
    """An OME-Zarr that ``staining stain`` has written, with the review beside it."""

    def identity(self, opened: Path) -> dict[str, Any]:
        """The fingerprint of the stain; the review may change, as it is worked on."""
        from napari_midl.volumes.open import open_volume

        return open_volume(opened).identity()
