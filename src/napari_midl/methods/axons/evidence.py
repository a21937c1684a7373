"""How far a trace stands out from the noise of its image: a second opinion on the tracker's own.

An agent that is led through noise finds the brightest way and is sure of it. Beside that way the
image is as bright but for the noise; beside a fibre it is darker by many times the noise.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_midl.methods.axons.widths import shrunk
from napari_midl.volumes.traces import resample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.methods.axons.pixels import Pixels
    from napari_midl.volumes.traces import Trace

# Lengths in px of a fibre of width 1: how far fibres are smoothed along and across, where the
# ground beside them is looked at, over which stretch a mean is taken, and how much is read at once.
_SMOOTH, _BESIDE, _STRETCH, _PIECE = 1.0, (6.0, 7.0, 8.0), 31.0, 48.0
# What differs from means over these two distances is noise, and noise or blobs.
_FINE, _COARSE = 2.0, 8.0
_LEAST_NOISE = 0.004  # in contrasts of the image: 8 bits, rounded
# From medians of absolute values to the deviation of white noise after smoothing.
_FINE_DEVIATION, _COARSE_DEVIATION = 2.16, 1.48
# On real tiles the labelled fibres have 4.5 to 15 in the mean and more than 2 all along; nineteen
# in twenty places of ways through noise have less than 4. These were chosen with both in sight.
LOW, HIGH, MEAN, LEAST = 2.0, 5.0, 4.0, 40.0
# Where the best stretch of a trace stands out by less it is no fibre, and by more it is one. Of the
# length of traces through noise 73 % has less than the first and 1 % more than the second; of that
# along vessels of the retina, the faintest that we know, 0.2 % and 92 %.
NOISE, SHOWN = 2.0, 4.0
FADES = "no longer stands out"


def standing_out(
    pixels: Pixels, points: NDArray[np.float64], width: float = 1.0
) -> NDArray[np.float64]:
    """How many times the noise an image is brighter along a trace than beside it.

    Parameters
    ----------
    pixels : Pixels
        The image; only blocks about the trace are read.
    points : ndarray, shape (n, d)
        The trace, in isotropic px.
    width : float
        How much wider than four px the fibre is.

    Returns
    -------
    ndarray, shape (n,)
        At each point, on average over a stretch about it.
    """
    line = resample(points, 1.0)
    if len(line) < 2:
        return np.zeros(len(points))
    normals, step = normals_of(line), round(_PIECE * width)
    pieces = [slice(a, a + step) for a in range(0, len(line), step)]
    here = np.concatenate([_piece(pixels, line[p], normals[:, p], width) for p in pieces])
    mean = ndimage.uniform_filter1d(here, round(_STRETCH * width), mode="nearest")
    along = lengths(points)
    return np.asarray(np.interp(along, np.linspace(0, along[-1], len(line)), mean))


def supported(pixels: Pixels, trace: Trace, points: NDArray[np.float64], width: float) -> Trace:
    """What of a trace about its brightest stretch is a fibre by the image too.

    Parameters
    ----------
    pixels : Pixels
        The image.
    trace : Trace
        Where an agent went.
    points : ndarray, shape (n, d)
        Its points in isotropic px.
    width : float
        How much wider than four px the fibre is.

    Returns
    -------
    Trace
        Without its ends where they do not stand out; empty where nothing does. Where it stands
        out little it is doubtful, whatever the agent thought.
    """
    if not len(points):
        return trace
    # Blobs, which do not average out as noise does, stand out the more the wider one looks.
    here, along = standing_out(pixels, points, width) / width, lengths(points)
    best = int(here.argmax())
    faint = np.flatnonzero(here < LOW)
    begin = int(faint[faint < best].max(initial=-1)) + 1
    end = int(faint[faint > best].min(initial=len(here)))
    stretch = here[begin:end]
    enough = end - begin > 1 and along[end - 1] - along[begin] >= LEAST * width
    if not enough or stretch.max() < HIGH or stretch.mean() < MEAN:
        begin = end = 0
    unsure = np.maximum(trace.uncertainty, np.clip((HIGH - here) / HIGH, 0, 1))
    cut = end - begin < len(points)
    doubtful = replace(trace, uncertainty=unsure)
    return doubtful.part(slice(begin, end), why=FADES if cut else trace.why)


def doubt_of_all(pixels: Pixels, points: NDArray[np.float64], width: float = 1.0) -> float:
    """How doubtful a trace is all along, since it hardly stands out anywhere.

    Parameters
    ----------
    pixels : Pixels
        The image; it is read until a stretch is found that does stand out.
    points : ndarray, shape (n, d)
        The trace, in isotropic px.
    width : float
        How much wider than four px the fibre is.

    Returns
    -------
    float
        0 where a stretch stands out as those of fibres do, 1 where all is as in noise.
    """
    line = resample(points, 1.0)
    if len(line) < 2:
        return 1.0
    normals, step, stretch = normals_of(line), round(_PIECE * width), round(_STRETCH * width)
    best = 0.0
    for begin in range(0, len(line), step):
        piece = slice(begin, begin + step)
        here = _piece(pixels, line[piece], normals[:, piece], width)
        mean = float(ndimage.uniform_filter1d(here, stretch, mode="nearest").max())
        # The fewer points a mean is of, the more of it is noise.
        best = max(best, mean * min(1.0, len(here) / stretch) ** 0.5)
        if best >= SHOWN:
            break
    return float(np.clip((SHOWN - best) / (SHOWN - NOISE), 0, 1))


def _piece(
    pixels: Pixels, line: NDArray[np.float64], normals: NDArray[np.float64], width: float
) -> NDArray[np.float64]:
    spacing = pixels.spacing.double().numpy()
    room = (_BESIDE[-1] + 2 * _COARSE) * width
    first = np.maximum(0, np.floor((line.min(0) - room) / spacing)).astype(int)
    last = np.minimum(pixels.shape, np.ceil((line.max(0) + room) / spacing) + 1).astype(int)
    # Of a thick fibre larger pixels show as much, in a part of the time.
    times = np.maximum(1, (width / spacing).astype(int))
    block = shrunk(pixels.block(first.tolist(), last.tolist()), times.tolist())
    spacing, first = spacing * times, (first + (times - 1) / 2) / times
    smooth, fine, coarse = (
        ndimage.gaussian_filter(block, size * width / spacing) for size in (_SMOOTH, _FINE, _COARSE)
    )
    noise = _FINE_DEVIATION * float(np.median(np.abs(smooth - fine)))
    blobs = _COARSE_DEVIATION * float(np.median(np.abs(smooth - coarse)))

    def at(places: NDArray[np.float64]) -> NDArray[np.float64]:
        voxels = (places / spacing - first).T
        return np.asarray(ndimage.map_coordinates(smooth, voxels, order=1, mode="nearest"))

    beside = [
        at(line + side * away * width * normal)
        for normal in normals
        for away in _BESIDE
        for side in (-1, 1)
    ]
    # Between fibres in a net there are blobs at all places, in a noisy image there is noise.
    contrast = at(line) - np.mean(beside, axis=0)
    return np.asarray(contrast / max(_LEAST_NOISE, (noise * blobs) ** 0.5))


def ways_of(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vectors ``(n, d)`` along a line at each of its points."""
    way = np.gradient(ndimage.gaussian_filter1d(line, 3, axis=0, mode="nearest"), axis=0)
    return np.asarray(way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-12))


def normals_of(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vectors ``(d - 1, n, d)`` across a line at each of its points."""
    way = ways_of(line)
    if line.shape[1] == 2:
        return np.stack([-way[:, 1], way[:, 0]], 1)[None]
    axis = np.zeros_like(way)
    axis[np.arange(len(way)), np.abs(way).argmin(1)] = 1
    one = np.cross(way, axis)
    one /= np.maximum(np.linalg.norm(one, axis=1, keepdims=True), 1e-12)
    return np.stack([one, np.cross(way, one)])


def lengths(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Length ``(n,)`` along a line up to each of its points."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return np.asarray(np.r_[0.0, np.cumsum(steps)])
