"""Sub-volumes around painted voxels, read from lazy arrays as they are needed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_midl.engine.augmentation import Augmentation
    from napari_midl.engine.tiles import Index, Region
    from napari_midl.volumes.annotations import Patch

VESSEL, BACKGROUND = 2, 1
BLOCK = (16, 32, 32)
_MOST_VOXELS = 200_000
_MOST_IN_MEMORY = 2**28


class PaintedVolume:
    """A volume with the patches painted over it, from which sub-volumes are drawn.

    Parameters
    ----------
    image : array-like
        Lazy or in-memory intensities ``(Z, Y, X)``.
    scaling : callable
        Maps intensities to [0, 1].
    patches : sequence of Patch
        Labels with 0 unlabelled, 1 background, 2 vessel, each at its origin in voxels.
    held_out : float
        Share of the painted blocks (16 x 32 x 32 voxels) that are never drawn.
    seed : int
        Seed of the choice of the held-out blocks.

    Raises
    ------
    InputError
        If a patch lies outside the image or only one class is painted.
    """

    def __init__(
        self,
        image: Any,
        scaling: Callable[[NDArray[Any]], NDArray[np.float32]],
        patches: Sequence[Patch],
        held_out: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.shape: Index = tuple(int(n) for n in image.shape)  # type: ignore[assignment]
        self.scaling = scaling
        self.image = _in_memory_if_small(image)
        self.patches = [
            replace(patch, labels=_in_memory_if_small(patch.labels)) for patch in patches
        ]
        rng = np.random.default_rng(seed)
        self._coordinates = self._index_labels(rng)
        self.held_out = self._choose_blocks(held_out, rng)
        for name, found in self._coordinates.items():
            keep = ~self._is_held_out(found)
            self._coordinates[name] = found[keep]

    def draw(self, size: Index, rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
        """One sub-volume that most often holds at least 0.1 % vessel (section 2.4).

        Parameters
        ----------
        size : tuple of int
            Voxels ``(z, y, x)``; cut to three quarters of the image where that is smaller.
        rng : numpy.random.Generator
            Source of the randomness.

        Returns
        -------
        image : ndarray of float32
            Intensities in [0, 1].
        labels : ndarray of uint8
            0 unlabelled, 1 background, 2 vessel; the held-out blocks are unlabelled.
        """
        around = VESSEL if rng.random() < 0.75 else BACKGROUND
        centres = self._coordinates[around]
        centre = centres[rng.integers(len(centres))]
        region = []
        for c, n, whole in zip(centre, size, self.shape, strict=True):
            # Never all of a thin stack: the way to its borders would tell the painted plane.
            n = min(n, -(-3 * whole // 4))
            jitter = int(rng.integers(-(n // 2), n - n // 2))
            start = int(np.clip(c + jitter - n // 2, 0, whole - n))
            region.append(slice(start, start + n))
        return self.read((region[0], region[1], region[2])), self.labels(
            (region[0], region[1], region[2])
        )

    def read(self, region: Region) -> NDArray[np.float32]:
        """Scaled intensities of a region."""
        return self.scaling(np.asarray(self.image[region]))

    def labels(self, region: Region, held_out: bool = False) -> NDArray[np.uint8]:
        """Labels of a region: those to train on, or those held out."""
        labels = np.zeros([s.stop - s.start for s in region], np.uint8)
        for patch in self.patches:
            inside = [
                slice(max(s.start, o), min(s.stop, o + n))
                for s, o, n in zip(region, patch.origin, patch.labels.shape, strict=True)
            ]
            if any(s.start >= s.stop for s in inside):
                continue
            into = tuple(
                slice(s.start - r.start, s.stop - r.start)
                for s, r in zip(inside, region, strict=True)
            )
            out_of = tuple(
                slice(s.start - o, s.stop - o) for s, o in zip(inside, patch.origin, strict=True)
            )
            painted = np.asarray(patch.labels[out_of])
            labels[into] = np.where(painted > 0, painted, labels[into])
        if self.held_out:
            grid = np.meshgrid(
                *[np.arange(s.start, s.stop) // b for s, b in zip(region, BLOCK, strict=True)],
                indexing="ij",
            )
            blocks = np.stack(grid, -1)
            hidden = np.zeros(labels.shape, bool)
            for block in self.held_out:
                hidden |= np.all(blocks == block, axis=-1)
            labels[hidden != held_out] = 0
        elif held_out:
            labels[:] = 0
        return labels

    def held_out_regions(self, margin: Index = (8, 16, 16)) -> list[tuple[Region, Region]]:
        """For each held-out block what to read, and where its painted part lies inside that.

        What is read has a margin of context, which may reach into other held-out blocks.
        """
        regions = []
        for block in self.held_out:
            corner = [b * n for b, n in zip(block, BLOCK, strict=True)]
            ends = [min(c + n, s) for c, n, s in zip(corner, BLOCK, self.shape, strict=True)]
            whole = tuple(slice(c, e) for c, e in zip(corner, ends, strict=True))
            painted = np.argwhere(self.labels((whole[0], whole[1], whole[2]), held_out=True))
            low, high = painted.min(0) + corner, painted.max(0) + corner + 1
            outer, inner = [], []
            for a, b, m, s in zip(low.tolist(), high.tolist(), margin, self.shape, strict=True):
                start = max(a - m, 0)
                outer.append(slice(start, min(b + m, s)))
                inner.append(slice(a - start, b - start))
            regions.append(((outer[0], outer[1], outer[2]), (inner[0], inner[1], inner[2])))
        return regions

    def _index_labels(self, rng: np.random.Generator) -> dict[int, NDArray[np.int64]]:
        """Coordinates of painted voxels of each class, a random choice where they are many."""
        found: dict[int, list[NDArray[np.int64]]] = {BACKGROUND: [], VESSEL: []}
        for patch in self.patches:
            over = [
                o + n > s or o < 0
                for o, n, s in zip(patch.origin, patch.labels.shape, self.shape, strict=True)
            ]
            if any(over):
                raise InputError(
                    f"{patch.name} covers {tuple(patch.labels.shape)} voxels at {patch.origin}, "
                    f"beyond the image of {self.shape}; give labels of the image's shape."
                )
            for z in range(patch.labels.shape[0]):
                plane = np.asarray(patch.labels[z])
                for label, lists in found.items():
                    y, x = np.nonzero(plane == label if label == BACKGROUND else plane >= VESSEL)
                    if len(y) > _MOST_VOXELS // 8:
                        chosen = rng.choice(len(y), _MOST_VOXELS // 8, replace=False)
                        y, x = y[chosen], x[chosen]
                    points = np.stack([np.full_like(y, z), y, x], 1) + np.array(patch.origin)
                    lists.append(points)
        coordinates = {}
        for label, lists in found.items():
            points = np.concatenate(lists) if lists else np.zeros((0, 3), int)
            if not len(points):
                word = "vessel (2)" if label == VESSEL else "background (1)"
                names = ", ".join(p.name for p in self.patches) or "The annotation"
                raise InputError(
                    f"{names} holds no voxel labelled {word}; paint some of both classes."
                )
            if len(points) > _MOST_VOXELS:
                points = points[rng.choice(len(points), _MOST_VOXELS, replace=False)]
            coordinates[label] = points
        return coordinates

    def _choose_blocks(self, share: float, rng: np.random.Generator) -> list[Index]:
        """Blocks to hold out: a share of those painted, where enough is left of each class."""
        vessel, background = (
            {tuple(int(i) for i in b) for b in np.unique(self._coordinates[c] // BLOCK, axis=0)}
            for c in (VESSEL, BACKGROUND)
        )
        both = sorted(vessel & background)
        count = min(round(share * len(vessel | background)), len(both) // 2, 12)
        chosen = rng.permutation(len(both))[:count]
        return [(both[i][0], both[i][1], both[i][2]) for i in chosen]

    def _is_held_out(self, points: NDArray[np.int64]) -> NDArray[np.bool_]:
        hidden = np.zeros(len(points), bool)
        for block in self.held_out:
            hidden |= np.all(points // BLOCK == block, axis=1)
        return hidden


def _in_memory_if_small(array: Any) -> Any:
    """Small enough arrays are read once; of large ones only what is drawn."""
    return np.asarray(array) if array.size <= _MOST_IN_MEMORY else array


def draw_batch(
    volume: PaintedVolume,
    size: Index,
    count: int,
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """An augmented batch ``(count, 1, Z, Y, X)`` of intensities and labels."""
    pairs = [volume.draw(size, rng) for _ in range(count)]
    image = torch.from_numpy(np.stack([p[0] for p in pairs])[:, None])
    labels = torch.from_numpy(np.stack([p[1] for p in pairs])[:, None])
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    return augmentation(image, labels, generator)
