"""What goes into the vessel operations and comes out, beyond what every method has."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from napari_midl.engine.inputs import FileIn, ImageIn, In, ModelIn
from napari_midl.engine.models import read_card
from napari_midl.engine.outputs import FileOut, Out
from napari_midl.engine.ports import IN_MEMORY
from napari_midl.engine.runs import record_path
from napari_midl.engine.settings import within
from napari_midl.errors import InputError

if TYPE_CHECKING:
    from napari_midl.engine.models import Model
    from napari_midl.methods.vessels.provenance import Provenance
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.volume import Volume

PROBABILITY = "vessel probability"
PIXEL_NAMES = ("base", "scratch")
PIXEL_PRESETS = ("pixels", "pixels-base")
Threshold = Annotated[float, within(0.0, 1.0, step=0.01)]


@dataclass(frozen=True)
class VesselModelIn(ModelIn):
    """``base`` or ``unet`` (shipped), or the path of a model.

    Untrained are ``scratch``, ``unet-scratch`` and ``tubenet-scratch``, the paper's in full size.
    """

    @property
    def learns_in_seconds(self) -> bool:
        """Whether it is a pixel network; what cannot be read is none."""
        if self.name in PIXEL_NAMES:
            return True
        with suppress(InputError):
            return str(read_card(Path(self.name)).get("architecture")) in PIXEL_PRESETS
        return False

    def open(self, preset: str = "", seed: int = 0) -> Model:
        """The model; `preset` and `seed` are those of an untrained one."""
        from napari_midl.methods.vessels.models import UNTRAINED, named_model, scratch

        untrained = UNTRAINED.get(self.name)
        return scratch(preset or untrained, seed) if untrained else named_model(self.name)


@dataclass(frozen=True)
class LabelsIn(FileIn):
    """Labels like the image (0 none, 1 background, 2 vessel), or a folder of painted patches."""

    def identity(self, opened: Path) -> dict[str, Any]:
        """Nothing yet: what is painted is known once it is read beside the image."""
        return {}


def no_prediction(path: Path) -> InputError:
    """The sentence for what is no prediction."""
    return InputError(
        f"{path} is no prediction of vessels; give the OME-Zarr that `vessels predict` has written."
    )


@dataclass(frozen=True)
class PredictionIn(In["Volume"]):
    """The OME-Zarr that ``vessels predict`` has written."""

    finished: ClassVar[bool] = True

    path: Path

    def open(self) -> Volume:
        """Its probability, with axes ``Z Y X``, lazily."""
        from napari_midl.volumes.open import open_volume

        volume = open_volume(self.path)
        if not is_prediction(volume):
            raise no_prediction(self.path)
        return volume.spatial()

    def identity(self, opened: Volume) -> dict[str, Any]:
        """Its fingerprint, shape and scale."""
        return opened.identity()


@dataclass(frozen=True)
class GrowingPredictionIn(PredictionIn):
    """A prediction of the image, whether finished or not: where it is unsure, painting helps."""

    finished = False


@dataclass(frozen=True)
class MaskIn(ImageIn):
    """A mask (not 0 inside a vessel), or the OME-Zarr of a prediction, cut at a threshold.

    Parameters
    ----------
    threshold : float
        Probability from which a voxel of a prediction is vessel; a mask is taken as it is.
    graph : VesselGraph, optional
        What was measured of it before; it is not measured again.
    """

    threshold: Threshold = 0.5
    graph: Any = field(default=None, repr=False, compare=False, metadata=IN_MEMORY)

    def part(self, whole: Volume) -> Volume:
        """The mask; of a prediction 1 from the threshold on, else 0."""
        if not is_prediction(whole):
            return super().part(whole)
        import numpy as np

        probability = whole.spatial()
        inside = probability.data.map(lambda read: read >= self.threshold, np.uint8)
        return replace(probability, levels=(inside,))

    def provenance(self, opened: Volume) -> Provenance:
        """What the mask says of itself."""
        from napari_midl.methods.vessels.provenance import Provenance, of_prediction

        if self.path is None:
            return Provenance(opened.name)
        if is_prediction(opened):
            return of_prediction(self.path, self.threshold)
        return Provenance(self.path.name)


@dataclass(frozen=True)
class ImagesIn(In["list[Volume]"]):
    """The images, each a file or an OME-Zarr; the other options are the same for all.

    Parameters
    ----------
    paths : tuple of str
        Where they lie.
    channel : int
        Channel to look at, counted from 0.
    time : int
        Time point to look at, counted from 0.
    axes : str
        What the axes of the files are, such as ZYX; by default as each file says.
    voxel_size : str
        Size of a voxel along z, y and x and its unit, such as "2,0.5,0.5 um"; by default as each
        file says.
    """

    paths: tuple[str, ...]
    channel: int = 0
    time: int = 0
    axes: str = ""
    voxel_size: str = ""

    @property
    def each(self) -> list[ImageIn]:
        """The images one by one."""
        rest = (self.channel, self.time, self.axes, self.voxel_size)
        return [ImageIn(path, *rest) for path in self.files]

    @property
    def files(self) -> list[Path]:
        """Where they lie."""
        return [Path(path) for path in self.paths]

    def recorded(self) -> dict[str, Any]:
        """The parts, with whole paths."""
        paths = [str(path.resolve()) for path in self.files]
        return super().recorded() | {"paths": paths}

    def open(self) -> list[Volume]:
        """All of them, so that those that cannot be used are named before hours have passed."""
        volumes, problems = [], dict[str, InputError]()
        for image in self.each:
            try:
                volumes.append(image.open())
                volumes[-1].check_stack()
            except InputError as error:
                problems[str(image.path)] = error
        if problems:
            first, *others = problems
            either = f" {', '.join(others)} cannot be used either." if others else ""
            raise InputError(f"{problems[first]}{either}")
        return volumes

    def identity(self, opened: list[Volume]) -> dict[str, Any]:
        """The fingerprints of all."""
        return {"fingerprint": " ".join(each.identity()["fingerprint"] for each in opened)}


@dataclass(frozen=True)
class CorrectionsIn(FileIn):
    """Folder of patches painted over the mask: 1 is no vessel, 2 is vessel."""

    def patches(self, opened: Path, mask: Volume) -> list[Patch]:
        """What is painted.

        Raises
        ------
        InputError
            If a patch is damaged or of another image, or the folder never held one.
        """
        from napari_midl.methods.vessels.classes import CORRECTIONS
        from napari_midl.volumes.annotations import AnnotationStore

        store = AnnotationStore(opened, mask, CORRECTIONS)
        if store.kept_classes() is None:
            raise InputError(
                f"{opened} holds no correction; give the folder corrections of a project."
            )
        patches, problems = store.load()
        if problems:
            raise InputError(problems[0])
        return patches


@dataclass(frozen=True)
class RegionsIn(In["Volume"]):
    """An image of integers over the mask: the number of the region of each voxel, 0 none.

    Parameters
    ----------
    path : Path or None
        Its file; None where it is in memory only.
    volume : Volume, optional
        The same, where it is open already.
    """

    path: Path | None
    volume: Any = field(default=None, repr=False, compare=False, metadata=IN_MEMORY)

    def open(self) -> Volume:
        """The regions, lazily."""
        if self.volume is not None:
            volume: Volume = self.volume
            return volume
        if self.path is None:
            raise InputError(
                "the regions of this run came from no file; save them, open the file and run it "
                "again for a record that can be replayed."
            )
        from napari_midl.volumes.open import open_volume

        return open_volume(self.path).spatial()

    def identity(self, opened: Volume) -> dict[str, Any]:
        """Its fingerprint and shape."""
        return opened.identity()


@dataclass(frozen=True)
class GraphOut(FileOut):
    """The ``.csv`` file to write the branches to, or the ``.swc`` for the centre lines."""

    endings = (".csv", ".swc")


@dataclass(frozen=True)
class LabelsOut(Out):
    """Labels in the OME-Zarr of their prediction, or an OME-Zarr or a file of their own.

    Parameters
    ----------
    replace : bool
        Write over a file that is there: a person was asked.
    """

    replace: bool = field(default=False, metadata=IN_MEMORY)

    def check(self) -> None:
        """Refuse, besides what cannot be written, a name that promises another kind of file."""
        from napari_midl.volumes.export import FILES

        path = self.path
        # In the prediction their name ends in the threshold.
        kind = path is not None and path.suffix[1:2].isalpha()
        if path is not None and kind and not path.name.endswith((*FILES, ".zarr")):
            raise InputError(
                f"{path} does not end in .zarr, {', '.join(FILES)}; name it so, or leave it out "
                "to write into the prediction."
            )
        super().check()

    def check_free(self, path: Path) -> None:
        """Refuse a path that is taken; a kill may have left labels that are on no list."""
        if not is_left(path) and not (self.replace and path.is_file()):
            super().check_free(path)

    def record(self, path: Path) -> Path:
        """Beside the prediction: readers would take it for a damaged part of the OME-Zarr."""
        image = image_of(path)
        beside = path if image is None else image.with_name(f"{image.name} {path.name}")
        return record_path(beside)

    def identity(self, path: Path) -> str:
        """Hash over the labels."""
        from napari_midl.methods.vessels.labels import hash_labels

        return hash_labels(path)


def is_prediction(volume: Volume) -> bool:
    """Whether it says of itself that it is one."""
    return volume.channels[:1] == (PROBABILITY,)


def check_of(prediction: Volume, image: Volume, path: Path) -> None:
    """Refuse a prediction of another image.

    Parameters
    ----------
    prediction, image : Volume
        The two.
    path : Path
        Where the prediction lies, with what was noted beside it.

    Raises
    ------
    InputError
        If its voxels are not those of the image, or it was made of others, as far as is noted.
    """
    from napari_midl.methods.vessels.provenance import made_of

    noted = made_of(path)
    if prediction.shape == image.shape and noted not in ("", image.identity()["fingerprint"]):
        raise InputError(
            f"{path} was made of another image than {image.name}, or of another channel or time "
            "point of it; give a prediction of this one."
        )
    if prediction.shape != image.shape:
        raise InputError(
            f"{prediction.source} is {' x '.join(map(str, prediction.shape))} voxels and "
            f"{image.name} {' x '.join(map(str, image.shape))}; give a prediction of this image."
        )


def check_finished(prediction: Path) -> None:
    """Refuse to write into a prediction that was stopped before its end.

    Raises
    ------
    InputError
        If it was.
    """
    from napari_midl.engine.journal import is_unfinished

    if is_unfinished(prediction):
        raise InputError(
            f"{prediction} is not finished, and labels in it would pass for whole ones; resume the "
            "prediction first, or name a file or folder for them."
        )


def image_of(labels: Path) -> Path | None:
    """The OME-Zarr that labels lie in, if they do."""
    from napari_midl.volumes.label_list import FOLDER

    image = labels.parent.parent
    inside = labels.parent.name == FOLDER and any(
        (image / about).is_file() for about in ("zarr.json", ".zattrs")
    )
    return image if inside else None


def is_left(labels: Path) -> bool:
    """Whether labels in an OME-Zarr were left by a kill, so that they are on no list."""
    from napari_midl.volumes.label_list import is_listed

    return image_of(labels) is not None and labels.is_dir() and not is_listed(labels)
