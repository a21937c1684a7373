"""What an agent sees: small bilinear views around its subpixel position.

Dai et al., MIDL 2019, section 3.1: 11 x 11 views at several scales, centred on the agent. A
view lies in a plane given by two unit vectors, so that the same agent looks along the image's
axes (as in the paper), along its own heading, or, in 3D, at two planes through its heading.
What lies beyond the image is not known: it is no dark ground, whose edge would look like a fibre.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Sequence

VIEW = 11
# Deviation that is next to none: half a grey level of eight bits.
_FLAT = 0.002


def sample(images: Tensor, points: Tensor) -> Tensor:
    """Intensities at subpixel points, zero outside.

    Parameters
    ----------
    images : Tensor, shape (M, C, Y, X) or (M, C, Z, Y, X)
        Images, each with its own points.
    points : Tensor, shape (M, ..., d)
        Positions ``(y, x)`` or ``(z, y, x)`` in voxels of their image.

    Returns
    -------
    Tensor, shape (M, C, ...)
    """
    grid = _unit_grid(points, images.shape[2:])
    space = images.ndim - 2
    flat = grid.reshape(len(images), *([1] * (space - 1)), -1, space)
    values = F.grid_sample(images, flat, padding_mode="zeros", align_corners=False)
    return values.reshape(*images.shape[:2], *grid.shape[1:-1])


def mipmap(images: Tensor, blocks: Sequence[Sequence[int]]) -> tuple[list[Tensor], tuple[int, ...]]:
    """Images averaged over blocks, one for each view.

    A view of distant pixels that looked at points alone would mostly see noise.

    Parameters
    ----------
    images : Tensor, shape (M, 1, Y, X) or (M, 1, Z, Y, X)
        Images.
    blocks : sequence of sequence of int
        For each view, the edges of its blocks in voxels (see `view_blocks`), each a multiple of
        those of the view before.

    Returns
    -------
    levels : list of Tensor
        For each view.
    extent : tuple of int
        Voxels that each of them spans: a multiple of the largest block, the last voxels
        repeated beyond the image.
    """
    largest = [max(edges) for edges in zip(*blocks, strict=True)]
    room = [-n % edge for n, edge in zip(images.shape[2:], largest, strict=True)]
    padded = repeated(images, room)
    pool = F.avg_pool2d if images.ndim == 4 else F.avg_pool3d
    levels: list[Tensor] = []
    finer, known = padded, [1] * len(largest)
    for edges in blocks:
        # Of the level before, not of the image: the mean of means, for a part of the work.
        times = [edge // last for edge, last in zip(edges, known, strict=True)]
        finer = pool(finer, times) if max(times) > 1 else finer
        levels.append(finer)
        known = list(edges)
    return levels, tuple(padded.shape[2:])


def repeated(images: Tensor, room: Sequence[int]) -> Tensor:
    """Images ``(M, C, ...)`` with room at their far ends, filled with their last voxels."""
    return F.pad(images, [side for r in reversed(room) for side in (0, r)], mode="replicate")


def view_blocks(pitches: Sequence[float], spacing: Sequence[float]) -> list[list[int]]:
    """Edges of blocks, in voxels of a spacing in px, about as wide as the pitches of views.

    They are powers of two, so that the smaller divide the larger.
    """
    return [[2 ** max(0, round(math.log2(p / s))) for s in spacing] for p in pitches]


def sample_views(
    levels: Sequence[Tensor], points: Tensor, extent: Sequence[int], known: Tensor
) -> Tensor:
    """Intensities of views, each from its own image of a `mipmap`.

    Parameters
    ----------
    levels : sequence of Tensor, each of shape (M, 1, ...)
        One image for each view.
    points : Tensor, shape (M, ..., V, 11, 11, d)
        Positions in voxels of the image that was averaged.
    extent : sequence of int
        What the levels span, in those voxels.
    known : Tensor of int, shape (d,) or (M, d)
        How many of these voxels, from the first, are of the image.

    Returns
    -------
    Tensor, shape (M, ..., V, 11, 11)
        Not a number beyond the image.
    """
    # In the shape that `grid_sample` takes: an agent waits for each step that shapes it anew.
    deep = [1] * (len(extent) - 2)
    grid = _unit_grid(points, extent).reshape(
        len(points), *deep, -1, len(levels), VIEW**2, len(extent)
    )
    seen = [
        F.grid_sample(image, part, padding_mode="border", align_corners=False)
        for image, part in zip(levels, grid.unbind(-3), strict=True)
    ]
    views = torch.stack(seen, -2).reshape(points.shape[:-1])
    last = known.reshape(-1, *([1] * (points.ndim - 2)), points.shape[-1]) - 0.5
    beyond = ((points < -0.5) | (points > last)).any(-1)
    return views.masked_fill(beyond, torch.nan)


def _unit_grid(points: Tensor, extent: Sequence[int]) -> Tensor:
    # Voxel centres lie at odd multiples of 1 / n on grid_sample's axis from -1 to 1.
    size = _numbers(tuple(extent)).to(points)
    return ((2 * points + 1) / size - 1).flip(-1)


def view_points(positions: Tensor, frames: Tensor, pitches: Sequence[float]) -> Tensor:
    """Where the pixels of views lie.

    Parameters
    ----------
    positions : Tensor, shape (..., d)
        Centres.
    frames : Tensor, shape (..., 2, d)
        Unit vectors of a view's rows and columns.
    pitches : sequence of float
        Distance of neighbouring pixels in each view, px.

    Returns
    -------
    Tensor, shape (..., V, 11, 11, d)
    """
    grid = _view_grid(tuple(pitches)).to(positions)
    points: Tensor = positions[..., None, :] + grid @ frames
    return points.reshape(*points.shape[:-2], len(pitches), VIEW, VIEW, -1)


@cache
def _numbers(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


@cache
def _view_grid(pitches: tuple[float, ...]) -> Tensor:
    """Rows and columns ``(V * 121, 2)`` of the pixels of views, in px from the middle."""
    along = torch.arange(VIEW) - VIEW // 2
    grid = torch.stack(torch.meshgrid(along, along, indexing="ij"), -1)
    return (torch.tensor(pitches)[:, None, None, None] * grid).reshape(-1, 2)


def heading_frame(headings: Tensor) -> Tensor:
    """Frames whose rows run along the heading, shape (..., d - 1, 2, d).

    In 3D there are two, at right angles to each other.
    """
    if headings.shape[-1] == 2:
        across = torch.stack([-headings[..., 1], headings[..., 0]], -1)
        return torch.stack([headings, across], -2)[..., None, :, :]
    # Of the axes, the one least along the heading gives the most stable normal.
    least = headings.abs().argmin(-1, keepdim=True)
    axis = torch.zeros_like(headings).scatter_(-1, least, 1.0)
    first = F.normalize(torch.linalg.cross(headings, axis), dim=-1)
    second = torch.linalg.cross(headings, first)
    planes = [torch.stack([headings, normal], -2) for normal in (first, second)]
    return torch.stack(planes, -3)


def path_view(path: Tensor, pitches: Sequence[float]) -> Tensor:
    """The historical path: 1 on the earlier positions, fading over a pixel of the view.

    Parameters
    ----------
    path : Tensor, shape (..., K, 2)
        Earlier positions by the rows and columns of the view, in px from its middle.
    pitches : sequence of float
        Distance of neighbouring pixels in each view, px.

    Returns
    -------
    Tensor, shape (..., V, 11, 11)
        0 where there is no earlier position.
    """
    lead = path.shape[:-2]
    if not path.shape[-2]:
        return path.new_zeros(*lead, len(pitches), VIEW, VIEW)
    scaled = path[..., None, :, :] / _numbers(tuple(pitches))[:, None, None]
    grid = _view_grid((1.0,)).to(path)
    distance = torch.cdist(grid, scaled, compute_mode="donot_use_mm_for_euclid_dist")
    shown: Tensor = torch.exp(-distance.amin(-1).square())
    return shown.reshape(*lead, len(pitches), VIEW, VIEW)


def local_contrast(views: Tensor) -> Tensor:
    """Views ``(..., 11, 11)`` less their mean, over their deviation; 0 where nothing is known."""
    pixels = views.flatten(-2)
    unknown = pixels.isnan()
    count = (pixels.shape[-1] - unknown.sum(-1, keepdim=True)).clamp(min=1)
    centred = pixels - pixels.nansum(-1, keepdim=True) / count
    centred = centred.masked_fill(unknown, 0.0)
    deviation = (centred.square().sum(-1, keepdim=True) / count).sqrt()
    contrast: Tensor = centred / (deviation + _FLAT)
    return contrast.reshape(views.shape)
