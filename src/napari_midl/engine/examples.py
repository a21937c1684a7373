"""Examples to learn from: images with labels, each of which may know only some of the classes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.engine.channels import ChannelsIn
from napari_midl.engine.hashes import hash_path
from napari_midl.engine.inputs import In
from napari_midl.engine.ports import IN_MEMORY
from napari_midl.errors import InputError
from napari_midl.volumes.classes import UNLABELLED, Classes
from napari_midl.volumes.counting import counted
from napari_midl.volumes.labels import read_labels
from napari_midl.volumes.partial import joined, opened_up, with_rests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_midl.engine.annotation import PaintedVolume
    from napari_midl.volumes.annotations import Patch
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

    def meaning(self, classes: Classes, dense: bool) -> Classes:
        """What its labels mean where these classes are learnt: maps count what they know."""
        return Classes("background", *self.knows) if self.knows and dense else classes


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
    times : tuple of int
        For each of the labels the time point that it is of; by default `time` for all.
    axes : str
        What the axes of the files are, such as ZYX; by default as each file says.
    voxel_size : str
        Size of a voxel along z, y and x and its unit, such as "2,0.5,0.5 um"; by default as each
        file says.
    opened : mapping, optional
        By their paths and time points the images that are open already, each a list of its chosen
        channels.
    """

    paths: tuple[str, ...]
    labels: tuple[str, ...]
    knows: tuple[str, ...] = ()
    channels: tuple[int, ...] = ()
    time: int = 0
    times: tuple[int, ...] = ()
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
                f"{counted(count, 'image')}, {len(labels)} of --labels and {len(self.knows)} of "
                "--knows do not go together; name each image once for each of its labels, in the "
                "same order."
            )
        times = self.times or (self.time,) * count
        if len(times) != count:
            raise InputError(
                f"{counted(count, 'image')} and {len(times)} of --times do not go together; name a "
                "time point for each image, in the same order."
            )
        known = dict(self.opened or {})
        for path, time in zip(self.paths, times, strict=True):
            if (path, time) not in known:
                image = ChannelsIn(
                    Path(path), 0, time, self.axes, self.voxel_size, channels=self.channels
                )
                known[path, time] = image.chosen(image.open())
        for label in labels:
            if not Path(label).exists():
                raise InputError(f"{label} does not exist; check the path.")
        return [
            Example(known[path, time], Path(label), names_of(names))
            for path, time, label, names in zip(self.paths, times, labels, knows, strict=True)
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


def classes_from(entries: Sequence[str]) -> Classes:
    """Classes from their names, the background first; ``vessel=artery+vein`` is a set of them."""
    names = [entry for entry in entries if "=" not in entry]
    sets = {
        name.strip(): names_of(members)
        for name, _, members in (entry.partition("=") for entry in entries if "=" in entry)
    }
    return Classes(*names, sets=sets)


@dataclass(frozen=True)
class Examples:
    """What there is to learn from.

    Parameters
    ----------
    images : list of PaintedVolume
        Each image with its labels.
    classes : Classes
        What the labels mean, with a set for whatever is left open.
    known : list of tuple of str
        What the labels of the examples know, where that is not all.
    volumes : list of list of Volume
        The channels of each image.
    """

    images: list[PaintedVolume]
    classes: Classes
    known: list[tuple[str, ...]]
    volumes: list[list[Volume]] = field(default_factory=list)

    def counts(self) -> dict[int, int]:
        """Labelled voxels of each value."""
        found = np.zeros(256, np.int64)
        for image in self.images:
            for patch in image.patches:
                for plane in patch.labels:
                    found += np.bincount(np.asarray(plane).ravel(), minlength=256)
        return {int(v): int(found[v]) for v in np.flatnonzero(found) if v != UNLABELLED}


def whole_image(channels: Sequence[Volume]) -> str:
    """What an image is known by; time points of one have the same."""
    return channels[0].source or channels[0].name


def read_examples(
    examples: Sequence[Example], classes: Classes, dense: bool, held_out: float, seed: int
) -> Examples:
    """Read the labels of all images.

    Raises
    ------
    InputError
        If images have different numbers of channels, labels do not fit their image or name other
        values than those of another do, or all that is labelled may be of one class.
    """
    from napari_midl.engine.annotation import hold_out_together
    from napari_midl.engine.named_labels import refuse_other_names
    from napari_midl.engine.scaled_channels import ScaledChannels

    refuse_other_names(examples, classes, dense)
    known = list(dict.fromkeys(each.knows for each in examples if each.knows))
    whole = with_rests(classes, known)
    of_image: dict[int, list[Example]] = defaultdict(list)
    for each in examples:
        of_image[id(each.channels)].append(each)
    images = []
    for alike in of_image.values():
        channels = alike[0].channels
        _check_alike(channels, examples[0].channels)
        read = [_patches(each, classes, whole, dense) for each in alike]
        patches = read[0] if len(read) == 1 else [joined(read, whole, alike[0].name)]
        scaled = ScaledChannels(channels, [patch.box for patch in patches])
        how = {"held_out": held_out, "seed": seed, "alone": len(of_image) == 1}
        images.append(scaled.painted(patches, whole, **how))
    volumes = [alike[0].channels for alike in of_image.values()]
    series = defaultdict(list)
    for image, channels in zip(images, volumes, strict=True):
        series[whole_image(channels), image.shape].append(image)
    for points in series.values():
        if len(points) > 1:
            hold_out_together(points, held_out, seed)
    return Examples(images, whole, known, volumes)


def _check_alike(channels: Sequence[Volume], first: Sequence[Volume]) -> None:
    if len(channels) != len(first):
        raise InputError(
            f"{channels[0].name} has {counted(len(channels), 'channel')} and {first[0].name} has "
            f"{len(first)}; choose the same of all with --channels, or in the dock untick one of "
            "the two under Learn from."
        )


def _patches(example: Example, classes: Classes, whole: Classes, dense: bool) -> list[Patch]:
    """The labels of an example, in the values of all classes."""
    image, knows = example.channels[0], example.knows
    own = example.meaning(classes, dense)
    patches = read_labels(example.labels, image, own, dense)
    return opened_up(patches, own, knows, whole) if knows else patches
