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
    for axis in (2, 2, 1, 1):
        image = _one_two_one(image, axis)
    return image.mul_(1 / 256)


def soften(image: Tensor) -> Tensor:
    """A Gaussian of 0.7 voxels in the plane: the binomial kernel of three."""
    image = F.pad(image[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    return _one_two_one(_one_two_one(image, 2), 1).mul_(1 / 16)


def _one_two_one(image: Tensor, axis: int) -> Tensor:
    """Sums of each voxel twice and its neighbours, where it has both."""
    size = image.shape[axis] - 2
    before, here, after = (image.narrow(axis, start, size) for start in range(3))
    return (before + after).add_(here, alpha=2)


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
    middle, half = (yy + xx).div_(2), (yy - xx).div_(2)
    spread = half.mul_(half).addcmul_(yx, yx).sqrt_()
    return middle - spread, middle + spread


def eigenvalues_3d(
    zz: Tensor, yy: Tensor, xx: Tensor, zy: Tensor, zx: Tensor, yx: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Of the symmetric matrix at each voxel, the least first (Smith, *Comm. ACM* 4:168, 1961)."""
    mean = (zz + yy).add_(xx).div_(3)
    a, b, c = zz - mean, yy - mean, xx - mean
    squares = (a * a).addcmul_(b, b).addcmul_(c, c)
    for beside in (zy, zx, yx):
        squares.addcmul_(beside, beside, value=2)
    scale = squares.div_(6).sqrt_()
    determinant = (b * c).addcmul_(yx, yx, value=-1).mul_(a)
    determinant.addcmul_(zy, (zy * c).addcmul_(yx, zx, value=-1), value=-1)
    determinant.addcmul_(zx, (zy * yx).addcmul_(b, zx, value=-1))
    cosine = determinant.div_((scale * scale).mul_(scale).mul_(2).clamp_min_(1e-20))
    angle = cosine.clamp_(-1, 1).acos_().div_(3)
    greatest = torch.cos(angle).mul_(scale).mul_(2).add_(mean)
    least = angle.add_(2 * math.pi / 3).cos_().mul_(scale).mul_(2).add_(mean)
    return least, mean.mul_(3).sub_(greatest).sub_(least), greatest


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
