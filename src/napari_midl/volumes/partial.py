"""Labels that know only some of the classes: what they leave open, and several of one image.

Labels that know some classes call all else background; so of a voxel that they call background
they only say that it is none of those.
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.boxes import corner_of, hull, seen_from, size_of
from napari_midl.volumes.classes import UNLABELLED, Classes
from napari_midl.volumes.lazy import Lazy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

_MOST_IN_MEMORY = 2**28


def with_rests(classes: Classes, knows: Iterable[tuple[str, ...]]) -> Classes:
    """Classes with a set for whatever labels leave open.

    Parameters
    ----------
    classes : Classes
        All classes.
    knows : iterable of tuple of str
        What labels know. Where two of them meet, a voxel is what both allow; that is a set, too.

    Raises
    ------
    InputError
        If there is no class of a name, or it is the background.
    """
    families = {frozenset(label.may_be) for label in classes.labels}
    for known in filter(None, knows):
        for name in known:
            if classes.value(name) == 1:
                raise InputError(
                    f"{name} is what labels call all that they do not know; leave it out of what "
                    "they know."
                )
        families.add(frozenset(classes.names) - frozenset(known))
    while more := {a & b for a, b in combinations(families, 2)} - families - {frozenset()}:
        families |= more
    sets = {label.name: label.may_be for label in classes.labels[len(classes) :]}
    there = {frozenset(label.may_be) for label in classes.labels}
    for family in sorted(families - there, key=sorted):
        members = tuple(name for name in classes.names if name in family)
        sets[" or ".join(members)] = members
    return Classes(*classes.names, colours=classes.colours, sets=sets)


def opened_up(
    patches: Sequence[Patch], own: Classes, knows: tuple[str, ...], classes: Classes
) -> list[Patch]:
    """Labels that know some classes, in the values of classes that `with_rests` gave.

    Parameters
    ----------
    patches : sequence of Patch
        The labels, in values of `own`.
    own : Classes
        What those mean; its first class is all that they do not know.
    knows : tuple of str
        The classes that they know.
    classes : Classes
        What the result is to mean.

    Raises
    ------
    InputError
        If a class occurs that they do not know.
    """
    rest = set(classes.names) - set(knows)
    means = np.zeros(256, np.uint8)
    for label in own.labels[1:]:
        means[label.value] = classes.value(label.name)
    means[own.labels[0].value] = next(la.value for la in classes.labels if set(la.may_be) == rest)
    foreign = [label for label in own.labels[1 : len(own)] if label.name not in knows]
    for patch in patches if foreign else ():
        for plane in patch.labels:
            found = set(np.unique(np.asarray(plane)).tolist())
            if wrong := [label for label in foreign if label.value in found]:
                raise InputError(
                    f"{patch.name} holds {wrong[0].name} ({wrong[0].value}), which it is said not "
                    "to know; name that among what it knows, or take it out."
                )

    def look_up(block: NDArray[Any]) -> NDArray[np.uint8]:
        found: NDArray[np.uint8] = means[block]
        return found

    return [
        Patch(
            patch.origin,
            patch.labels.map(look_up, np.uint8)
            if isinstance(patch.labels, Lazy)
            else look_up(patch.labels),
            patch.name,
        )
        for patch in patches
    ]


def joined(read: Sequence[Sequence[Patch]], classes: Classes, name: str) -> Patch:
    """Several labels of one image as one: a voxel is what all allow, else what the last says.

    Raises
    ------
    InputError
        If together they do not fit into memory.
    """
    box = hull([patch.box for patches in read for patch in patches])
    shape, corner = size_of(box), corner_of(box)
    if math.prod(shape) > _MOST_IN_MEMORY:
        raise InputError(
            f"the labels of {name} cover {math.prod(shape):,} voxels together, too many for "
            "several files; put them into one."
        )
    both = _meeting(classes)
    together = np.zeros(shape, np.uint8)
    for patches in read:
        own = np.zeros(shape, np.uint8)
        for patch in patches:
            inside = seen_from(patch.box, corner)
            painted = np.asarray(patch.labels)
            own[inside] = np.where(painted != UNLABELLED, painted, own[inside])
        together = both[together, own]
    return Patch(corner, together, name)


def _meeting(classes: Classes) -> NDArray[np.uint8]:
    """For each two values that of what both allow; the second where they allow nothing."""
    known = np.flatnonzero(classes.table.any(axis=1))
    value_of = {tuple(classes.table[value]): value for value in known}
    both = np.zeros((256, 256), np.uint8)
    for a in known:
        for b in known:
            both[a, b] = value_of.get(tuple(classes.table[a] & classes.table[b]), b)
    return both
