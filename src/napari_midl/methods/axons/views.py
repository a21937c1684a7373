"""What an agent sees: small bilinear views around its subpixel position.

Dai et al., MIDL 2019, section 3.1: 11 x 11 views at several scales, centred on the agent,
zero beyond the image. A view lies in a plane given by two unit vectors, so that the same
agent looks along the image's axes (as in the paper), along its own heading, or, in 3D, at
two planes through its heading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Sequence

VIEW = 11


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
    space = images.shape[2:]
    size = torch.tensor(space, dtype=points.dtype, device=points.device)
    # Voxel centres lie at odd multiples of 1 / n on grid_sample's axis from -1 to 1.
    grid = ((2 * points + 1) / size - 1).flip(-1)
    lead = points.shape[1:-1]
    flat = grid.reshape(len(images), *([1] * (len(space) - 1)), -1, len(space))
    values = F.grid_sample(images, flat, align_corners=False)
    return values.reshape(*images.shape[:2], *lead)


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
    along = torch.arange(VIEW, dtype=positions.dtype, device=positions.device) - VIEW // 2
    scale = torch.as_tensor(pitches, dtype=positions.dtype, device=positions.device)
    steps = scale[:, None] * along
    rows = steps[:, :, None, None] * frames[..., None, None, None, 0, :]
    columns = steps[:, None, :, None] * frames[..., None, None, None, 1, :]
    return positions[..., None, None, None, :] + rows + columns


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


def path_view(visited: Tensor, points: Tensor) -> Tensor:
    """The historical path: 1 on the visited positions, fading over a pixel.

    Parameters
    ----------
    visited : Tensor, shape (..., K, d)
        Earlier positions.
    points : Tensor, shape (..., 11, 11, d)
        Where the view's pixels lie.
    """
    distance = (points[..., None, :] - visited[..., None, None, :, :]).square().sum(-1)
    return torch.exp(-distance.amin(-1))


def local_contrast(views: Tensor) -> Tensor:
    """Views ``(..., V, 11, 11)`` less their common mean, over their common deviation."""
    mean = views.mean((-3, -2, -1), keepdim=True)
    deviation = views.std((-3, -2, -1), keepdim=True)
    return (views - mean) / (deviation + 0.02)
