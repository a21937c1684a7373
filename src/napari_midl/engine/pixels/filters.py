"""Small filters on volumes ``(Z, Y, X)``; beyond its border an image goes on as its last voxel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from napari_midl.engine.tiles import Index


def pool(image: Tensor, factor: Index) -> Tensor:
    """Means of boxes of ``factor`` voxels."""
    if factor == (1, 1, 1):
        return image
    if factor[0] == 1:
        return F.avg_pool2d(image[:, None], factor[1:])[:, 0]
    return F.avg_pool3d(image[None, None], factor)[0, 0]


def smooth(image: Tensor) -> Tensor:
    """A Gaussian of one voxel in the plane: the binomial kernel of five."""
    image = F.pad(image[:, None], (2, 2, 2, 2), mode="replicate")[:, 0]
    for _ in range(4):
        image = image[:, :, :-1] + image[:, :, 1:]
    for _ in range(4):
        image = image[:, :-1] + image[:, 1:]
    return image * (1 / 256)


def soften(image: Tensor) -> Tensor:
    """A Gaussian of 0.7 voxels in the plane: the binomial kernel of three."""
    image = F.pad(image[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    for _ in range(2):
        image = image[:, :, :-1] + image[:, :, 1:]
    for _ in range(2):
        image = image[:, :-1] + image[:, 1:]
    return image * (1 / 16)


def smooth_z(image: Tensor, sigma: float) -> Tensor:
    """A Gaussian along *z*; one much narrower than a slice changes nothing."""
    reach = reach_z(sigma)
    if not reach:
        return image
    weights = [math.exp(-0.5 * (k / sigma) ** 2) for k in range(-reach, reach + 1)]
    padded = F.pad(image[None, None], (0, 0, 0, 0, reach, reach), mode="replicate")[0, 0]
    found = torch.zeros_like(image)
    for k, weight in enumerate(weights):
        found.add_(padded[k : k + len(image)], alpha=weight / sum(weights))
    return found


def reach_z(sigma: float) -> int:
    """Slices to each side that `smooth_z` looks at."""
    return math.ceil(3 * sigma) if sigma > 0.25 else 0


def neighbours(image: Tensor, axis: int, step: int = 1) -> tuple[Tensor, Tensor]:
    """The voxels that lie `step` before and after along an axis."""
    ends = [0] * 6
    ends[2 * (2 - axis)] = ends[2 * (2 - axis) + 1] = step
    padded = F.pad(image[None, None], ends, mode="replicate")[0, 0]
    size = image.shape[axis]
    return padded.narrow(axis, 0, size), padded.narrow(axis, 2 * step, size)


def slope(image: Tensor, axis: int) -> Tensor:
    """First derivative along an axis, by central differences."""
    before, after = neighbours(image, axis)
    return (after - before).div_(2)


def curvature(image: Tensor, axis: int) -> Tensor:
    """Second derivative along an axis."""
    before, after = neighbours(image, axis)
    return (before + after).sub_(image, alpha=2)


def eigenvalues_2d(yy: Tensor, xx: Tensor, yx: Tensor) -> tuple[Tensor, Tensor]:
    """Of the symmetric matrix at each voxel, the lesser first."""
    middle, spread = (yy + xx) / 2, (((yy - xx) / 2) ** 2 + yx * yx).sqrt()
    return middle - spread, middle + spread


def eigenvalues_3d(
    zz: Tensor, yy: Tensor, xx: Tensor, zy: Tensor, zx: Tensor, yx: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Of the symmetric matrix at each voxel, the least first (Smith, *Comm. ACM* 4:168, 1961)."""
    mean = (zz + yy + xx) / 3
    a, b, c = zz - mean, yy - mean, xx - mean
    scale = ((a * a + b * b + c * c + 2 * (zy * zy + zx * zx + yx * yx)) / 6).sqrt()
    determinant = a * (b * c - yx * yx) - zy * (zy * c - yx * zx) + zx * (zy * yx - b * zx)
    cosine = determinant / (2 * scale**3).clamp_min(1e-20)
    angle = torch.acos(cosine.clamp(-1, 1)) / 3
    greatest = mean + 2 * scale * torch.cos(angle)
    least = mean + 2 * scale * torch.cos(angle + 2 * math.pi / 3)
    return least, 3 * mean - greatest - least, greatest


def greatest_around(image: Tensor) -> Tensor:
    """Greatest of the nine by nine voxels around each in the plane."""
    found = F.pad(image, (4, 4, 4, 4), value=-math.inf)
    for axis in (1, 2):
        # Of two, four, eight and nine: a few passes instead of nine.
        for step in (1, 2, 4, 1):
            size = found.shape[axis] - step
            found = torch.maximum(found.narrow(axis, 0, size), found.narrow(axis, step, size))
    return found


def doubled(maps: Tensor, axis: int) -> Tensor:
    """Twice as fine along an axis, interpolated linearly; what is next to the ends is left out."""
    size = maps.shape[axis] - 2
    found = maps.new_empty((*maps.shape[:axis], size, 2, *maps.shape[axis + 1 :]))
    here = maps.narrow(axis, 1, size)
    for side in (0, 1):
        beside = maps.narrow(axis, 2 * side, size)
        torch.lerp(here, beside, 0.25, out=found.select(axis + 1, side))
    return found.flatten(axis, axis + 1)


def doubled_planes(image: Tensor) -> Tensor:
    """Maps ``(..., Y, X)`` on a grid twice as fine in the plane, interpolated linearly."""
    planes = F.pad(image.flatten(0, -3)[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    height, width = image.shape[-2:]
    return doubled(doubled(planes, 2), 1).reshape(*image.shape[:-2], 2 * height, 2 * width)
