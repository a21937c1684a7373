"""Sparse labels over an image: what is painted of each class, and what of it is held out."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.engine.holding_out import HeldOut, hold_out
from napari_midl.errors import InputError
from napari_midl.volumes.boxes import common, corner_of, seen_from, size_of
from napari_midl.volumes.classes import UNLABELLED, Classes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.boxes import Region

    Shape = tuple[int, ...]

__all__ = [
    "BLOCK",
    "Classes",
    "PaintedVolume",
    "hold_out_together",
    "never_labelled",
    "refuse_one_class",
    "unlabelled_classes",
]

BLOCK = (16, 32, 32)
MARGIN = (8, 16, 16)
_MOST_VOXELS = 200_000
_MOST_IN_MEMORY = 2**28


class PaintedVolume:
    """An image with the patches painted over it, read where it is asked for.

    Parameters
    ----------
    image : array-like
        Lazy or in-memory intensities ``(Z, Y, X)`` or ``(Y, X)``, with the channels before them
        if `channels`.
    scaling : callable
        Maps intensities to [0, 1].
    patches : sequence of Patch
        Labels, each at its origin in voxels; where two overlap, the later one counts.
    classes : Classes
        What the labels mean.
    held_out : float
        Share of the painted blocks (`BLOCK` voxels) that are not trained on.
    seed : int
        Seed of the choice of the held-out blocks.
    channels : bool
        Whether the first axis of the image is that of its channels.
    read_once : bool
        Whether an image that is small enough is read as a whole at once; else only what is asked
        for is read.
    alone : bool
        Whether no other image is learnt from beside it, so that it has to hold two classes.

    Attributes
    ----------
    shape : tuple of int
        Voxels of the image, without its channels.
    scored : HeldOut
        The blocks to be scored on, by their places in blocks.
    held_out : list of tuple of int
        Those of them that are not trained on.
    painted : dict of int to ndarray of int, shape (N, axes)
        For each value that is painted the voxels that may be trained on, a random choice where
        they are many.

    Raises
    ------
    InputError
        If a patch lies outside the image, a value is unknown, nothing is painted, or all that is
        painted may be of one class.
    """

    def __init__(
        self,
        image: Any,
        scaling: Callable[[NDArray[Any]], NDArray[np.float32]],
        patches: Sequence[Patch],
        classes: Classes,
        held_out: float = 0.0,
        seed: int = 0,
        channels: bool = False,
        read_once: bool = True,
        alone: bool = True,
    ) -> None:
        self.shape: Shape = tuple(int(n) for n in (image.shape[1:] if channels else image.shape))
        self.block, self.margin = BLOCK[-len(self.shape) :], MARGIN[-len(self.shape) :]
        self.classes, self.scaling, self.channels = classes, scaling, channels
        self.image = _in_memory_if_small(image) if read_once else image
        self.patches = [
            replace(patch, labels=_in_memory_if_small(patch.labels)) for patch in patches
        ]
        rng = np.random.default_rng(seed)
        self._blocks: dict[tuple[int, int], set[Shape]] = {}
        self._all = self.painted = self._find_painted(rng)
        if alone:
            refuse_one_class([self])
        self.score_on(hold_out(self._blocks, held_out, rng))

    def score_on(self, found: HeldOut) -> None:
        """Hold out some blocks; it is scored on those of them in which something is painted."""
        own = set().union(*self._blocks.values())
        choosing, scoring = ([b for b in of if b in own] for of in (found.choosing, found.scoring))
        self.scored, self.held_out = HeldOut(choosing, scoring, found.basis), found.hidden
        self.painted = {v: points[~self.is_held_out(points)] for v, points in self._all.items()}

    def whole(self) -> PaintedVolume:
        """The same with nothing held out and nothing to be scored on."""
        whole = copy.copy(self)
        whole.scored, whole.held_out, whole.painted = HeldOut(), [], self._all
        return whole

    @property
    def missing(self) -> tuple[str, ...]:
        """The classes of which no voxel is painted."""
        labels = self.classes.labels[: len(self.classes)]
        return tuple(label.name for label in labels if label.value not in self.painted)

    def read(self, box: Region) -> NDArray[np.float32]:
        """Scaled intensities of a box, all channels."""
        return self.scaling(np.asarray(self.image[(slice(None), *box) if self.channels else box]))

    def labels(self, box: Region, held_out: bool | None = False) -> NDArray[np.uint8]:
        """Labels of a box: those to train on, those held out, or with None both."""
        labels = np.full(size_of(box), UNLABELLED, np.uint8)
        for patch in self.patches:
            both = common(box, patch.box)
            if both is None:
                continue
            painted = np.asarray(patch.labels[seen_from(both, patch.origin)])
            into = seen_from(both, corner_of(box))
            labels[into] = np.where(painted != UNLABELLED, painted, labels[into])
        if held_out is None:
            return labels
        if self.held_out:
            grid = np.meshgrid(
                *[np.arange(s.start, s.stop) // b for s, b in zip(box, self.block, strict=True)],
                indexing="ij",
            )
            blocks = np.stack(grid, -1)
            hidden = np.zeros(labels.shape, bool)
            for block in self.held_out:
                hidden |= np.all(blocks == block, axis=-1)
            labels[hidden != held_out] = UNLABELLED
        elif held_out:
            labels[:] = UNLABELLED
        return labels

    def regions(self, blocks: Sequence[Shape]) -> list[tuple[Region, Region]]:
        """For each of some blocks what to read, and where its painted part lies inside that.

        What is read has a margin of context, which may reach into other blocks.
        """
        regions = []
        for block in blocks:
            corner = [b * n for b, n in zip(block, self.block, strict=True)]
            ends = [min(c + n, s) for c, n, s in zip(corner, self.block, self.shape, strict=True)]
            whole = tuple(slice(c, e) for c, e in zip(corner, ends, strict=True))
            painted = np.argwhere(self.labels(whole, held_out=None))
            low, high = painted.min(0) + corner, painted.max(0) + corner + 1
            outer, inner = [], []
            for a, b, m, n in zip(low, high, self.margin, self.shape, strict=True):
                start = max(int(a) - m, 0)
                outer.append(slice(start, min(int(b) + m, n)))
                inner.append(slice(int(a) - start, int(b) - start))
            regions.append((tuple(outer), tuple(inner)))
        return regions

    def _find_painted(self, rng: np.random.Generator) -> dict[int, NDArray[np.int64]]:
        """Voxels painted with each value, by value; those that are not painted are left out."""
        found: dict[int, list[NDArray[np.int64]]] = {la.value: [] for la in self.classes.labels}
        for number, patch in enumerate(self.patches):
            self._refuse_beyond(patch)
            for index, plane in _planes(patch.labels):
                self.classes.check(plane, patch.name)
                for name, count in self.classes.counts(plane).items():
                    if not count:
                        continue
                    value = self.classes.value(name)
                    y, x = np.nonzero(plane == value)
                    if len(y) > _MOST_VOXELS // 8:
                        chosen = rng.choice(len(y), _MOST_VOXELS // 8, replace=False)
                        y, x = y[chosen], x[chosen]
                    points = np.stack([*(np.full_like(y, i) for i in index), y, x], 1)
                    points += np.array(patch.origin)
                    found[value].append(points)
                    places = _places(points // self.block)
                    self._blocks.setdefault((number, value), set()).update(places)
        painted = {}
        for value, pieces in found.items():
            if not pieces:
                continue
            points = np.concatenate(pieces)
            if len(points) > _MOST_VOXELS:
                points = points[rng.choice(len(points), _MOST_VOXELS, replace=False)]
            painted[value] = points
        return painted

    def _refuse_beyond(self, patch: Patch) -> None:
        over = [
            o + n > s or o < 0
            for o, n, s in zip(patch.origin, patch.labels.shape, self.shape, strict=True)
        ]
        if any(over):
            raise InputError(
                f"{patch.name} covers {tuple(patch.labels.shape)} voxels at {patch.origin}, "
                f"beyond the image of {self.shape}; give labels of the image's shape."
            )

    def is_held_out(self, points: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of some voxels ``(N, axes)`` lie in a held-out block."""
        hidden = np.zeros(len(points), bool)
        for block in self.held_out:
            hidden |= np.all(points // self.block == block, axis=1)
        return hidden


def hold_out_together(images: Sequence[PaintedVolume], share: float, seed: int) -> None:
    """Hold out the same places of all time points of one image.

    One time point looks much like the next: what is held out of the one must not be learnt of the
    other, or the score would flatter.

    Parameters
    ----------
    images : sequence of PaintedVolume
        The time points, of one shape.
    share, seed
        As for `PaintedVolume`.
    """
    painted = {
        ((number, patch), value): places
        for number, image in enumerate(images)
        for (patch, value), places in image._blocks.items()
    }
    found = hold_out(painted, share, np.random.default_rng(seed))
    for image in images:
        image.score_on(found)


def refuse_one_class(volumes: Sequence[PaintedVolume]) -> None:
    """Refuse labels of some images of which all may be of one class.

    A network that called every voxel so would make no mistake.

    Raises
    ------
    InputError
        If so, or if nothing is painted.
    """
    names = ", ".join(patch.name for volume in volumes for patch in volume.patches)
    names, classes = names or "The annotation", volumes[0].classes
    painted = {value for volume in volumes for value in volume.painted}
    if not painted:
        raise InputError(f"{names} holds no painted voxel; paint some of at least two classes.")
    possible = np.all(classes.table[list(painted)], axis=0).tolist()
    if any(possible):
        wanted = [
            f"{name} ({classes.value(name)})"
            for name, everywhere in zip(classes.names, possible, strict=True)
            if not everywhere
        ]
        both = "both classes" if len(classes) == 2 else "at least two classes"
        raise InputError(
            f"{names} holds no voxel labelled {' or '.join(wanted)}; paint some of "
            f"{both}{_like_a_mask(volumes, painted)}."
        )


def unlabelled_classes(volumes: Sequence[PaintedVolume]) -> list[str]:
    """The classes of which no voxel is surely one."""
    classes = volumes[0].classes
    painted = {value for volume in volumes for value in volume.painted}
    return [name for name in classes.names if classes.value(name) not in painted]


def never_labelled(volumes: Sequence[PaintedVolume]) -> str:
    """A sentence on the `unlabelled_classes`; empty where there are none."""
    missing = unlabelled_classes(volumes)
    painted = {value for volume in volumes for value in volume.painted}
    said = f"Nothing is labelled {' or '.join(missing)}, so it is not learnt; label some"
    return f"{said}{_like_a_mask(volumes, painted)}." if missing else ""


def _like_a_mask(volumes: Sequence[PaintedVolume], painted: set[int]) -> str:
    """What else to do where files hold the numbers of a full mask, which begins from 0."""
    classes = volumes[0].classes
    files = all(Path(patch.name).suffix for volume in volumes for patch in volume.patches)
    if not files or painted != set(range(1, len(classes))):
        return ""
    return f", or pass --dense if 0 stands for {classes.names[0]}, as in a full mask"


def _planes(labels: Any) -> Iterator[tuple[Shape, NDArray[Any]]]:
    """The planes ``Y X`` of labels, each with its place along the axes before them."""
    for index in np.ndindex(labels.shape[:-2]):
        yield index, np.asarray(labels[index])


def _places(points: NDArray[np.int64]) -> Iterator[Shape]:
    """Each of some points ``(n, axes)`` once; to sort them takes a hundred times as long."""
    low = points.min(0)
    there = np.zeros(points.max(0) - low + 1, bool)
    there[tuple((points - low).T)] = True
    return map(tuple, (np.argwhere(there) + low).tolist())


def _in_memory_if_small(array: Any) -> Any:
    """Small enough arrays are read once; of large ones only what is drawn."""
    return np.asarray(array) if array.size <= _MOST_IN_MEMORY else array
