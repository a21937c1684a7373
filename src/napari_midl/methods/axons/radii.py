"""How wide fibres are: the half width at half maximum of profiles across them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import ndimage

from napari_midl.engine.jobs import Job, Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_midl.volumes.traces import Trace
    from napari_midl.volumes.volume import Volume

# In sizes of a voxel along x: how far profiles reach, and how finely they are read; of thick fibres
# they reach further. Of how many points that is found out.
REACH, _STEP, _FURTHER, _PILOT = 24.0, 0.5, (2, 4), 5
# So much more contrast longer ones have to show, unless the fibre ends beyond that share of them.
_MORE, _INSIDE = 1.4, 0.45
# Ways across a fibre in a stack; in a plane there are two.
_WAYS = 8
# Points of a trace that are read at once, and those whose profiles count together.
_TOGETHER, _NEIGHBOURS = 32, 5
# Where the middle of a fibre may be, and the share of a profile's values below the background.
_MIDDLE, _GROUND = 1.5, 0.2
# A way that is so much longer than usual, and than a trace may be off the middle, runs along a
# neighbour.
_MUCH, _OFF = 1.75, 2.0


def measure_all(volume: Volume, traces: Sequence[Trace]) -> Job[list[Trace]]:
    """Traces with their radii measured, as a job."""
    measured = []
    for k, trace in enumerate(traces):
        yield Progress(k, len(traces), "measuring the widths")
        measured.append(measure_radii(volume, trace))
    return measured


def measure_radii(volume: Volume, trace: Trace, dark: bool | None = None) -> Trace:
    """A trace with the radius at each of its points.

    Across the fibre the brightness is read along two ways in a plane and eight in a stack, up to
    24 sizes of a voxel along x, and up to 96 of a thick one. The fibre ends where it is halfway
    between the brightness of its middle and of the ground about it; the radius is that of the
    circle of the same area.

    Parameters
    ----------
    volume : Volume
        Image with axes ``Z Y X``; only boxes about the trace are read.
    trace : Trace
        Points in its voxels.
    dark : bool, optional
        Whether the fibre is darker than the ground; looked for if not given.

    Returns
    -------
    Trace
        Radii in sizes of a voxel along x; NaN where the fibre does not end within reach or cannot
        be told from the ground. A trace of one point is returned as it is.
    """
    if len(trace.points) < 2:
        return trace
    size = np.asarray(volume.voxel_size) / volume.voxel_size[-1]
    ways = _across(trace.points * size, flat=volume.shape[0] == 1)
    times = _times(volume, trace.points, ways / size)
    profiles = _profiles(volume, trace.points, times * ways / size)
    middles = int(_MIDDLE / _STEP) + 1
    if dark is None:
        dark = bool(np.nanmean(profiles[..., :middles]) < np.nanmean(profiles))
    if dark:
        profiles = -profiles
    profiles = ndimage.convolve1d(
        profiles, np.full(_NEIGHBOURS, 1 / _NEIGHBOURS), axis=0, mode="nearest"
    )
    return replace(trace, radius=times * _half_widths(profiles, middles))


def _times(volume: Volume, points: NDArray[np.float64], ways: NDArray[np.float64]) -> int:
    """How many times longer than usual profiles of a trace have to be."""
    some = slice(len(points) // 2 - _PILOT // 2, len(points) // 2 + _PILOT // 2 + 1)
    if some.start < 0:
        some = slice(None)
    times = 1
    contrast, half = _fall(_profiles(volume, points[some], ways[some]))
    for more in _FURTHER:
        further, beyond = _fall(_profiles(volume, points[some], more * ways[some]))
        if further <= _MORE * contrast and half < _INSIDE:
            break
        times, contrast, half = more, further, beyond
    return times


def _fall(profiles: NDArray[np.float32]) -> tuple[float, float]:
    """How much the middle of a fibre differs from the ground, and at which share of profiles."""
    known = np.isfinite(profiles)
    if not known[..., 0].any():
        return 0.0, 0.0
    mean = np.where(known, profiles, 0).sum((0, 1)) / np.maximum(known.sum((0, 1)), 1)
    mean = mean[known.any((0, 1))]
    fall = mean[0] - mean if mean[0] > mean.mean() else mean - mean[0]
    contrast = float(fall.max())
    return contrast, int((fall > contrast / 2).argmax()) / profiles.shape[-1]


def _across(points: NDArray[np.float64], flat: bool) -> NDArray[np.float64]:
    """Unit vectors ``(n, ways, 3)`` across a line ``(n, 3)``, all in isotropic lengths."""
    smooth = ndimage.gaussian_filter1d(points, 1.0, axis=0, mode="nearest")
    along = np.gradient(smooth, axis=0)
    if flat:
        along[:, 0] = 0
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
    up = np.zeros_like(along)
    if flat:
        up[:, 0] = 1
    else:
        # Any direction that is not along the fibre will do.
        up[np.arange(len(up)), np.abs(along).argmin(axis=1)] = 1
    one = np.cross(along, up)
    one /= np.maximum(np.linalg.norm(one, axis=1, keepdims=True), 1e-12)
    if flat:
        return np.stack([one, -one], axis=1)
    other = np.cross(along, one)
    angles = np.arange(_WAYS) * 2 * np.pi / _WAYS
    turned = np.cos(angles)[:, None] * one[:, None] + np.sin(angles)[:, None] * other[:, None]
    return np.asarray(turned)


def _profiles(
    volume: Volume, points: NDArray[np.float64], ways: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Values ``(n, ways, steps)`` at steps across a line, in voxels; NaN outside the image."""
    steps = np.arange(0, REACH + _STEP / 2, _STEP)
    found = np.full((len(points), ways.shape[1], len(steps)), np.nan, np.float32)
    for begin in range(0, len(points), _TOGETHER):
        part = slice(begin, begin + _TOGETHER)
        places = points[part, None, None] + ways[part, :, None] * steps[:, None]
        low = np.maximum(0, np.floor(places.min(axis=(0, 1, 2)))).astype(int)
        high = np.minimum(volume.shape, np.ceil(places.max(axis=(0, 1, 2))) + 1).astype(int)
        if (high <= low).any():
            continue
        box = volume.read(tuple(slice(a, b) for a, b in zip(low, high, strict=True)))
        here = np.moveaxis(places - low, -1, 0)
        found[part] = ndimage.map_coordinates(
            box.astype(np.float32), here, order=1, mode="constant", cval=np.nan
        )
    return found


def _half_widths(profiles: NDArray[np.float32], middles: int) -> NDArray[np.float64]:
    """Radius at each point from profiles ``(n, ways, steps)`` that are bright in the middle."""
    shown = np.isfinite(profiles)
    known = np.where(shown, profiles, np.inf)
    ground = _share(profiles, shown, _GROUND)
    middle = np.nan_to_num(profiles[..., :middles], nan=-np.inf).mean(axis=1).max(axis=1)
    half = (middle + ground) / 2
    below = known < half[:, None, None]
    ends = below.argmax(axis=-1)
    inner = np.take_along_axis(known, np.maximum(ends - 1, 0)[..., None], axis=-1)[..., 0]
    outer = np.take_along_axis(known, ends[..., None], axis=-1)[..., 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        beyond = np.clip((inner - half[:, None]) / (inner - outer), 0, 1)
    reached = below.any(axis=-1) & (ends > 0)
    lengths = np.where(reached, (ends - 1 + beyond) * _STEP, np.nan)
    enough = reached.sum(axis=1) * 2 > reached.shape[1]
    lengths = lengths[enough]
    flat = lengths.shape[1] == 2
    usual = lengths.min(axis=1) if flat else np.nanmedian(lengths, axis=1)
    astray = np.isnan(lengths) | (lengths > _MUCH * usual[:, None] + _OFF)
    lengths = np.where(astray, usual[:, None], lengths)
    radius = np.full(len(profiles), np.nan)
    radius[enough] = lengths.mean(axis=1) if flat else np.sqrt((lengths**2).mean(axis=1))
    rolling = pd.Series(radius).rolling(_NEIGHBOURS, center=True, min_periods=1)
    return rolling.median().to_numpy(float)


def _share(
    profiles: NDArray[np.float32], shown: NDArray[np.bool_], share: float
) -> NDArray[np.float64]:
    """The value that a share of each point's values lies below; outside the image there is none."""
    ordered = np.sort(np.where(shown, profiles, np.inf).reshape(len(profiles), -1), axis=1)
    last = shown.reshape(ordered.shape).sum(axis=1) - 1
    at = share * np.maximum(last, 0)
    low = at.astype(int)
    below, above = (
        np.take_along_axis(ordered, np.minimum(low + k, np.maximum(last, 0))[:, None], 1)[:, 0]
        for k in (0, 1)
    )
    return np.where(last < 0, np.nan, below + (above - below) * (at - low))
