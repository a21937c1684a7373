"""A mask in which what a person painted has the last word."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.volumes.boxes import common, seen_from
from napari_midl.volumes.lazy import Lazy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.boxes import Region


class Corrected(Lazy):
    """A mask with small painted patches over it: 1 takes a voxel out, 2 puts it in.

    Parameters
    ----------
    mask : Lazy
        Axes ``Z Y X``; not 0 inside.
    patches : sequence of Patch
        May be changed; of two that overlap the later one counts. 0 leaves the mask as it is.
    finest : sequence of int, optional
        Shape of level 0, in whose voxels the patches are, if the mask is another level.
    """

    def __init__(
        self, mask: Lazy, patches: Sequence[Patch] = (), finest: Sequence[int] | None = None
    ) -> None:
        super().__init__(mask.shape, np.uint8, mask.chunks)
        self._mask, self.patches = mask, patches
        self._factors = [
            math.ceil(n / m) for n, m in zip(finest or self.shape, self.shape, strict=True)
        ]

    def read(self, box: Region) -> NDArray[Any]:
        """1 inside the corrected mask, else 0."""
        found = (self._mask.read(box) > 0).astype(np.uint8)
        correct(found, box, self.patches, self._factors)
        return found


def correct(
    mask: NDArray[np.uint8],
    box: Region,
    patches: Sequence[Patch],
    factors: Sequence[int] = (1, 1, 1),
) -> None:
    """Write patches, as for `Corrected`, into a box of a mask.

    Parameters
    ----------
    mask : ndarray of uint8, shape (Z, Y, X)
        1 inside, else 0; is changed.
    box : Region
        Which voxels of its level they are.
    patches : sequence of Patch
        In voxels of level 0.
    factors : sequence of int
        How many voxels of level 0 one of them merges along each axis; it shows the first.
    """
    for patch in patches:
        source, target = [], []
        for b, o, n, f in zip(box, patch.origin, patch.labels.shape, factors, strict=True):
            start, stop = max(b.start, -(-o // f)), min(b.stop, -(-(o + n) // f))
            source.append(slice(start * f - o, max(stop * f - o, 0), f))
            target.append(slice(start - b.start, max(stop, start) - b.start))
        if all(t.start < t.stop for t in target):
            painted = np.asarray(patch.labels)[tuple(source)]
            part = mask[tuple(target)]
            part[painted > 0] = painted[painted > 0] - 1


def lacking(patch: Patch, others: Sequence[Patch]) -> Patch | None:
    """What a patch says and others do not say yet, in its box; None where that is nothing."""
    labels = np.array(patch.labels, np.uint8)
    for other in others:
        both = common(patch.box, other.box)
        if both is not None:
            part = labels[seen_from(both, patch.origin)]
            part[part == np.asarray(other.labels)[seen_from(both, other.origin)]] = 0
    return replace(patch, labels=labels) if labels.any() else None
