"""Batches of sub-images around painted voxels, balanced over what is painted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.engine.annotation import PaintedVolume, Shape
    from napari_midl.engine.augmentation import Augmentation
    from napari_midl.volumes.boxes import Region

BESIDES_BACKGROUND = 0.75


def draw(
    volume: PaintedVolume, size: Shape, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """One sub-image around a painted voxel, three in four not of the background.

    The labels other than the first are chosen with the same chance each, so that a rare class is
    seen as often as a common one; most sub-volumes hold at least 0.1 % vessel, as in tUbe net,
    section 2.4.

    Parameters
    ----------
    volume : PaintedVolume
        Where to draw from.
    size : tuple of int
        Voxels along each axis; cut to three quarters of the image where that is smaller.
    rng : numpy.random.Generator
        Source of the randomness.

    Returns
    -------
    image : ndarray of float32
        Intensities in [0, 1], with the channels first where the image has them.
    labels : ndarray of uint8
        The held-out blocks are unlabelled.
    """
    box = around(painted_voxel(volume, rng), size, volume.shape, rng)
    return volume.read(box), volume.labels(box)


def painted_voxel(volume: PaintedVolume, rng: np.random.Generator) -> NDArray[np.int64]:
    """A painted voxel, three in four not of the background."""
    centres = volume.painted[_choose_label(volume, rng)]
    voxel: NDArray[np.int64] = centres[rng.integers(len(centres))]
    return voxel


def around(
    centre: NDArray[np.int64], size: Shape, shape: Shape, rng: np.random.Generator
) -> Region:
    """A box that holds a voxel, anywhere in it; cut to three quarters of a smaller image."""
    box = []
    for c, n, whole in zip(centre, size, shape, strict=True):
        # Never all of a thin stack: the way to its borders would tell the painted plane.
        n = min(n, -(-3 * whole // 4))
        jitter = int(rng.integers(-(n // 2), n - n // 2))
        start = int(np.clip(c + jitter - n // 2, 0, whole - n))
        box.append(slice(start, start + n))
    return tuple(box)


def _choose_label(volume: PaintedVolume, rng: np.random.Generator) -> int:
    background = volume.classes.labels[0].value
    others = [value for value in volume.painted if value != background]
    chance = float(rng.random())
    share = BESIDES_BACKGROUND if background in volume.painted else 1.0
    return others[int(len(others) * chance / share)] if chance < share else background


def draw_batch(
    volume: PaintedVolume,
    size: Shape,
    count: int,
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """An augmented batch of intensities ``(count, C, ...)`` and labels ``(count, 1, ...)``."""
    pairs = [draw(volume, size, rng) for _ in range(count)]
    image = torch.from_numpy(np.stack([p[0] for p in pairs]))
    labels = torch.from_numpy(np.stack([p[1] for p in pairs])[:, None])
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    return augmentation(image if volume.channels else image[:, None], labels, generator)
