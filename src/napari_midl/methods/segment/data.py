"""Labels of several images that each know some of the classes, as examples to learn from."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.engine.annotation import PaintedVolume
from napari_midl.errors import InputError
from napari_midl.methods.segment.ports import SEVERAL, names_of
from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.boxes import hull
from napari_midl.volumes.classes import UNLABELLED, Classes
from napari_midl.volumes.labels import read_labels
from napari_midl.volumes.lazy import Lazy
from napari_midl.volumes.scaling import scaling_around

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_midl.engine.tiles import Region
    from napari_midl.methods.segment.ports import Example
    from napari_midl.volumes.scaling import Scaling
    from napari_midl.volumes.volume import Volume

_MOST_IN_MEMORY = 2**28


def classes_from(entries: Sequence[str]) -> Classes:
    """Classes from their names, the background first; ``vessel=artery+vein`` is a set of them."""
    names = [entry for entry in entries if "=" not in entry]
    sets = {
        name.strip(): names_of(members)
        for name, _, members in (entry.partition("=") for entry in entries if "=" in entry)
    }
    return Classes(*names, sets=sets)


def with_rests(classes: Classes, knows: Iterable[tuple[str, ...]]) -> Classes:
    """The same with a set for whatever labels may leave open.

    Labels that know some classes call the rest background; where two of them meet, a voxel is what
    both allow.
    """
    families = {frozenset(label.may_be) for label in classes.labels}
    for known in filter(None, knows):
        for name in known:
            classes.value(name)
        families.add(frozenset(classes.names) - frozenset(known))
    while more := {a & b for a, b in combinations(families, 2)} - families - {frozenset()}:
        families |= more
    own = {label.name: label.may_be for label in classes.labels[len(classes) :]}
    there = {frozenset(label.may_be) for label in classes.labels}
    for family in sorted(families - there, key=sorted):
        members = tuple(name for name in classes.names if name in family)
        own[f" {SEVERAL} ".join(members)] = members
    colours = {label.name: label.colour for label in classes.labels}
    return Classes(*classes.names, colours=colours, sets=own)


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
    """

    images: list[PaintedVolume]
    classes: Classes
    known: list[tuple[str, ...]]

    def counts(self) -> dict[int, int]:
        """Labelled voxels of each value."""
        found = np.zeros(256, np.int64)
        for image in self.images:
            for patch in image.patches:
                for plane in patch.labels:
                    found += np.bincount(np.asarray(plane).ravel(), minlength=256)
        return {int(v): int(found[v]) for v in np.flatnonzero(found) if v != UNLABELLED}


def read_examples(
    examples: Sequence[Example], classes: Classes, dense: bool, held_out: float, seed: int
) -> Examples:
    """Read the labels of all images.

    Raises
    ------
    InputError
        If images have different numbers of channels, labels do not fit their image, or all that
        is labelled may be of one class.
    """
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
        patches = read[0] if len(read) == 1 else [Patch(*_joined(read, whole), alike[0].name)]
        scalings = [scaling_around(each, [p.box for p in patches]) for each in channels]
        scale = partial(_scaled, scalings)
        image = _Stacked(channels)
        lone = len(of_image) == 1
        painted = PaintedVolume(
            image, scale, patches, whole, held_out, seed, channels=True, alone=lone
        )
        images.append(painted)
    return Examples(images, whole, known)


def _check_alike(channels: Sequence[Volume], first: Sequence[Volume]) -> None:
    shapes = {each.shape for each in channels}
    if len(shapes) > 1 or len(channels) != len(first):
        raise InputError(
            f"{channels[0].name} has {len(channels)} channel(s) and {first[0].name} has "
            f"{len(first)}; choose the same of all with --channels."
        )


def _patches(example: Example, classes: Classes, whole: Classes, dense: bool) -> list[Patch]:
    """The labels of an example, in the values of all classes."""
    image, knows = example.channels[0], example.knows
    own = Classes("background", *knows) if knows and dense else classes
    patches = read_labels(example.labels, image, own, dense)
    if not knows:
        return patches
    rest = next(
        label.value for label in whole.labels if set(label.may_be) == set(whole.names) - set(knows)
    )
    means = np.zeros(256, np.uint8)
    for label in own.labels:
        means[label.value] = whole.value(label.name) if label.name != own.names[0] else rest
    foreign = [label for label in own.labels[1 : len(own)] if label.name not in knows]
    for patch in patches:
        for plane in patch.labels if foreign else ():
            found = set(np.unique(np.asarray(plane)).tolist())
            if wrong := [label for label in foreign if label.value in found]:
                raise InputError(
                    f"{patch.name} holds {wrong[0].name} ({wrong[0].value}), which it is said not "
                    "to know; name it with --knows, or take it out."
                )
    return [Patch(patch.origin, _mapped(patch.labels, means), patch.name) for patch in patches]


def _mapped(labels: Any, means: NDArray[np.uint8]) -> Any:
    def look_up(block: NDArray[Any]) -> NDArray[np.uint8]:
        return means[block]

    return labels.map(look_up, np.uint8) if isinstance(labels, Lazy) else look_up(labels)


def _joined(read: Sequence[Sequence[Patch]], classes: Classes) -> tuple[tuple[int, ...], Any]:
    """Several labels of one image as one: a voxel is what all allow, else what the last says."""
    box = hull([patch.box for patches in read for patch in patches])
    shape = [part.stop - part.start for part in box]
    if math.prod(shape) > _MOST_IN_MEMORY:
        raise InputError(
            f"the labels of one image cover {math.prod(shape):,} voxels together, too many for "
            "several files; put them into one."
        )
    table, value_of = classes.table, {tuple(row): v for v, row in enumerate(classes.table)}
    both = np.zeros((256, 256), np.uint8)
    for a in np.flatnonzero(table.any(axis=1)):
        for b in np.flatnonzero(table.any(axis=1)):
            together = tuple(table[a] & table[b])
            both[a, b] = value_of[together] if any(together) else b
    joined = np.zeros(shape, np.uint8)
    for patches in read:
        own = np.zeros(shape, np.uint8)
        for patch in patches:
            into = own[
                tuple(
                    slice(part.start - start.start, part.stop - start.start)
                    for part, start in zip(patch.box, box, strict=True)
                )
            ]
            painted = np.asarray(patch.labels)
            into[painted != UNLABELLED] = painted[painted != UNLABELLED]
        joined = both[joined, own]
    return tuple(part.start for part in box), joined


def _scaled(scalings: Sequence[Scaling], block: NDArray[Any]) -> NDArray[np.float32]:
    return np.stack([scale(channel) for scale, channel in zip(scalings, block, strict=True)])


class _Stacked:
    """The channels of an image as the first axis of one array, read where it is asked for."""

    def __init__(self, channels: Sequence[Volume]) -> None:
        self.channels, self.shape = channels, (len(channels), *channels[0].shape)
        self.size = math.prod(self.shape)

    def __getitem__(self, key: tuple[Any, ...]) -> NDArray[Any]:
        box: Region = key[1:]  # type: ignore[assignment]
        return np.stack([np.asarray(channel.data[box]) for channel in self.channels])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.stack([np.asarray(channel.data) for channel in self.channels])
