"""What goes into the segmentation operations, beyond what every method has."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_midl.engine.channels import ChannelsIn
from napari_midl.engine.hashes import hash_path
from napari_midl.engine.inputs import In, ModelIn
from napari_midl.engine.ports import IN_MEMORY
from napari_midl.errors import InputError

if TYPE_CHECKING:
    from napari_midl.engine.models import Model
    from napari_midl.volumes.volume import Volume

ALL = "all"
SEVERAL = "+"


@dataclass(frozen=True)
class Example:
    """An image with labels of it.

    Parameters
    ----------
    channels : list of Volume
        The image, each channel with axes ``Z Y X``.
    labels : Path
        A file of labels, or a folder of painted patches.
    knows : tuple of str
        The classes that the labels know; empty for all.
    """

    channels: list[Volume]
    labels: Path
    knows: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """That of the image."""
        return self.channels[0].name


@dataclass(frozen=True)
class ExamplesIn(In["list[Example]"]):
    """The images to learn from, each named as often as there are labels of it.

    Parameters
    ----------
    paths : tuple of str
        Where they lie.
    labels : tuple of str
        For each image its labels, in the same order: a file like the image (0 unlabelled,
        1 background, 2 the first class …) or a folder of painted patches.
    knows : tuple of str
        For each of the labels the classes that it knows, such as ``nucleus+membrane``; what it
        calls background may be any of the others, too. By default ``all``.
    channels : tuple of int
        Channels to look at, counted from 0; by default all.
    time : int
        Time point to look at, counted from 0.
    axes : str
        What the axes of the files are, such as ZYX; by default as each file says.
    voxel_size : str
        Size of a voxel along z, y and x and its unit, such as "2,0.5,0.5 um"; by default as each
        file says.
    opened : mapping, optional
        By their paths the images that are open already, each a list of its chosen channels.
    """

    paths: tuple[str, ...]
    labels: tuple[str, ...]
    knows: tuple[str, ...] = ()
    channels: tuple[int, ...] = ()
    time: int = 0
    axes: str = ""
    voxel_size: str = ""
    opened: Any = field(default=None, repr=False, compare=False, metadata=IN_MEMORY)

    @property
    def files(self) -> list[Path]:
        """Images and labels."""
        return [Path(path) for path in dict.fromkeys((*self.paths, *self.labels))]

    def recorded(self) -> dict[str, Any]:
        """The parts, with whole paths."""
        whole = {
            name: [str(Path(path).resolve()) for path in getattr(self, name)]
            for name in ("paths", "labels")
        }
        return super().recorded() | whole

    def open(self) -> list[Example]:
        """All of them; labels are only looked for.

        Raises
        ------
        InputError
            If there are not as many labels as images, or one of them cannot be read.
        """
        count, labels, knows = len(self.paths), self.labels, self.knows or (ALL,) * len(self.paths)
        if not count or len(labels) != count or len(knows) != count:
            raise InputError(
                f"{count} image(s), {len(labels)} of --labels and {len(self.knows)} of --knows do "
                "not go together; name each image once for each of its labels, in the same order."
            )
        known = dict(self.opened or {})
        for path in self.paths:
            if path not in known:
                image = ChannelsIn(
                    Path(path), 0, self.time, self.axes, self.voxel_size, channels=self.channels
                )
                known[path] = image.chosen(image.open())
        for label in labels:
            if not Path(label).exists():
                raise InputError(f"{label} does not exist; check the path.")
        return [
            Example(known[path], Path(label), names_of(names))
            for path, label, names in zip(self.paths, labels, knows, strict=True)
        ]

    def identity(self, opened: list[Example]) -> dict[str, Any]:
        """The fingerprints of the images, and the hashes of their labels."""
        images = [channel.identity() for each in opened for channel in each.channels]
        return {
            "fingerprint": " ".join(image["fingerprint"] for image in images),
            "sha256": " ".join(hash_path(each.labels) for each in opened),
        }


def names_of(text: str) -> tuple[str, ...]:
    """The names in ``a+b``; none for ``all``."""
    return () if text in ("", ALL) else tuple(part.strip() for part in text.split(SEVERAL))


@dataclass(frozen=True)
class SegmentModelIn(ModelIn):
    """The path of a model, or ``trees`` (shipped), which learnt generated vessels alone."""

    name: str = ""

    def open(self) -> Model:
        """The model."""
        from napari_midl.methods.segment.models import named_model

        if not self.name:
            raise InputError("no model is given; name one with --model.")
        return named_model(self.name)


@dataclass(frozen=True)
class StartIn(SegmentModelIn):
    """``scratch``, ``trees`` (shipped: generated vessels), or the path of a model to go on from."""

    name: str = "scratch"

    def open(self) -> Model | None:  # type: ignore[override]
        """The model; None for an untrained one, which is made once the images are known."""
        return None if self.name == "scratch" else super().open()

    def identity(self, opened: Model | None) -> dict[str, Any]:
        """The hash of its weights."""
        return {} if opened is None else super().identity(opened)
