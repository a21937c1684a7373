"""Whether traces lie on fibres of their image, and if not, what is likely to put them there.

Traces that fit an image stand out from it where they are, and do so no more when they are moved.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_midl.errors import InputError
from napari_midl.volumes.space import Space, sizes_in_words
from napari_midl.volumes.swc import is_swc
from napari_midl.volumes.swc_frame import MICROMETER, swc_size
from napari_midl.volumes.swc_text import says
from napari_midl.volumes.traces import is_inside, read_traces, resample
from napari_midl.volumes.units import symbol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.volumes.traces import Trace
    from napari_midl.volumes.volume import Volume

# In pixels: how far traces are moved, how far from the middle of a window they are looked at, and
# how far off they may be.
_REACH, _HALF, _NEAR = 24, 56, 3
_WINDOWS = 32
_NARROW, _WIDE = 1.5, 6.0
# On real tracings the contrast is above 0.8 and at most a hundredth below its highest; beside the
# fibres nineteen in twenty are below one of these. Chance moves those of short traces.
_CONTRAST, _SHARE, _SHORT = 0.45, 0.6, 100.0
# Wide fibres in noise stand out on pixels of four; there a trace beside a thin one is near it.
_COARSE, _COARSE_CONTRAST, _COARSE_SHARE = 4, 1.5, 0.98
# From here no mend is looked for, and from here it is believed.
_CLEAR, _MENDED, _MENDED_SHARE = 1.5, 0.75, 0.9
# In pixels: shorter than that a trace is a dot, which lies on a fibre by chance.
_DOT = 10.0


@dataclass(frozen=True)
class Fit:
    """How traces stand out from their image.

    Parameters
    ----------
    contrast : float
        How much brighter or darker the image is along them than along moved ones, in standard
        deviations of its local contrast.
    share : float
        That in the highest contrast of the moved ones, at most 1.
    """

    contrast: float = 0.0
    share: float = 0.0


def read_and_look(path: Path, volume: Volume, ours: bool = False) -> tuple[list[Trace], str]:
    """The traces of an image, and what `beside` says of them.

    Parameters
    ----------
    path : Path
        As for `read_traces`.
    volume : Volume
        The image.
    ours : bool
        The file is a copy of what is in memory, so that no other reading of it is tried.

    Raises
    ------
    InputError
        If the file cannot be read, does not fit its format, or leaves the image.
    """
    traces = read_traces(path, volume.space, volume.shape)
    for trace in traces:
        volume.check_depth(trace.points[:, 0].max(initial=0), f"{path}: the trace {trace.path}")
    said = beside(volume, traces, None if ours else path)
    if said and not _all_inside(volume, traces):
        raise InputError(said)
    return traces, said


def beside(volume: Volume, traces: Sequence[Trace], path: Path | None = None) -> str:
    """What to say of traces that leave an image or lie beside its fibres.

    Parameters
    ----------
    volume : Volume
        Image with axes ``Z Y X``; some squares about the traces are read.
    traces : sequence of Trace
        In its voxels.
    path : Path, optional
        The file they were read from.

    Returns
    -------
    str
        A sentence that names the file, and the mend where one is found; empty where all is well.
    """
    if not traces:
        return ""
    inside = _all_inside(volume, traces)
    here = fit(volume, traces) if inside else Fit()
    if abs(here.contrast) >= _CLEAR and here.share >= _SHARE:
        return ""
    size = " x ".join(map(str, volume.shape))
    lie = f"leave {volume.name} of {size} voxels (z y x)"
    if inside:
        lie = f"cannot be told from the background of {volume.name}"
    said = f"The traces {f'of {path}' if path else 'to learn from'} {lie}"
    for cause, mend, mended in _mends(volume, traces, path) if path else ():
        if _all_inside(volume, mended) and _are_lines(mended):
            there = fit(volume, mended)
            much = max(_MENDED, 2 * abs(here.contrast))
            if abs(there.contrast) >= much and there.share >= _MENDED_SHARE:
                return f"{said}, but lie on its fibres if {cause}; {mend}."
    if inside and _on_fibres(volume, traces, here):
        return ""
    return said + _advice(volume, path)


def _advice(volume: Volume, path: Path | None) -> str:
    """What may be wrong where nothing tells."""
    if path is None:
        return "; accept others."
    if not is_swc(path):
        return "; give the traces of this image, in voxels."
    if volume.space.known:
        size = sizes_in_words(volume.voxel_size, volume.unit)
        return (
            f"; give the traces of this image, in micrometres, or, if its voxels of {size} are "
            "not right, correct them with --voxel-size."
        )
    return (
        ", whose voxel size is not known, so that they were taken to be in voxels; give it with "
        "--voxel-size, or give the traces of this image."
    )


def _all_inside(volume: Volume, traces: Sequence[Trace]) -> bool:
    return all(is_inside(trace.points, volume.shape) for trace in traces)


def _are_lines(traces: Sequence[Trace]) -> bool:
    """Whether they are longer than a dot: dots lie on fibres by chance."""
    return float(np.mean([trace.length((1, 1, 1)) for trace in traces])) >= _DOT


def fit(volume: Volume, traces: Sequence[Trace], coarse: int = 1) -> Fit:
    """How traces that lie in an image stand out from it.

    Parameters
    ----------
    volume : Volume
        Image with axes ``Z Y X``.
    traces : sequence of Trace
        In its voxels.
    coarse : int
        Merge so many pixels along y and x.
    """
    lines = [resample(trace.points, 1.0) for trace in traces]
    rng = np.random.default_rng(0)
    edge = 2 * _REACH + 1
    total, count = np.zeros((edge, edge)), np.zeros((edge, edge))
    for k in range(_WINDOWS):
        line = lines[k % len(lines)]
        window, points = _window(volume, line, line[rng.integers(len(line))], coarse)
        total += _moved(_local_contrast(window), points)
        count += _moved(np.ones(window.shape), points)
    # Moved out of the image, they are too few to tell.
    enough = count >= max(1.0, 0.5 * count[_REACH, _REACH])
    means = np.where(enough, total / np.maximum(count, 1.0), np.nan)
    means -= np.nanmedian(means)
    y, x = np.ogrid[-_REACH : _REACH + 1, -_REACH : _REACH + 1]
    near = means[np.hypot(y, x) <= max(1, _NEAR // coarse)]
    contrast = float(near[np.nanargmax(np.abs(near))])
    highest = float(np.nanmax(np.abs(means)))
    return Fit(contrast, abs(contrast) / highest if highest else 0.0)


def _on_fibres(volume: Volume, traces: Sequence[Trace], here: Fit) -> bool:
    short = sum(trace.length((0, 1, 1)) for trace in traces) < _SHORT
    if abs(here.contrast) >= _CONTRAST and (short or here.share >= _SHARE):
        return True
    wide = fit(volume, traces, _COARSE)
    return abs(wide.contrast) >= _COARSE_CONTRAST and wide.share >= _COARSE_SHARE


def _window(
    volume: Volume, line: NDArray[np.float64], centre: NDArray[np.float64], coarse: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """A square of a plane about a place on a line, and the pixels ``(y, x)`` of the line in it."""
    edge = 2 * (_HALF + _REACH) * coarse
    sizes = [min(edge, n) for n in volume.shape[1:]]
    corner = [
        int(np.clip(c - size / 2, 0, n - size))
        for c, size, n in zip(centre[1:], sizes, volume.shape[1:], strict=True)
    ]
    z = int(np.clip(round(centre[0]), 0, volume.shape[0] - 1))
    rows, columns = (slice(c, c + size) for c, size in zip(corner, sizes, strict=True))
    plane = volume.read((slice(z, z + 1), rows, columns))[0].astype(float)
    known = np.isfinite(plane)
    plane[~known] = np.median(plane[known]) if known.any() else 0.0
    plane = np.clip(plane, *np.percentile(plane, (0.2, 99.8)))  # without hot pixels
    height, width = (max(1, size // coarse) for size in sizes)
    whole = plane[: height * coarse, : width * coarse]
    window = whole.reshape(height, -1, width, whole.shape[1] // width).mean(axis=(1, 3))
    local = line[np.abs(line[:, 0] - z) <= 1.5, 1:] + 0.5 - corner
    points = np.floor(local / coarse).astype(int)
    return window, points[((points >= 0) & (points < window.shape)).all(axis=1)]


def _local_contrast(window: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much brighter each pixel is than what is around it, so that none counts for many."""
    contrast = ndimage.gaussian_filter(window, _NARROW) - ndimage.gaussian_filter(window, _WIDE)
    deviation = float(np.sqrt(np.mean(contrast**2)))
    if not deviation:
        return np.zeros(window.shape)
    clipped = np.clip(contrast / deviation, -3, 3)
    return np.asarray(clipped - clipped.mean())


def _moved(values: NDArray[np.float64], points: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sums of values at points ``(y, x)`` moved by up to `_REACH` either way along y and x."""
    edge = 2 * _REACH + 1
    around = np.lib.stride_tricks.sliding_window_view(np.pad(values, _REACH), (edge, edge))
    return np.asarray(around[points[:, 0], points[:, 1]].sum(axis=0))


def _mends(
    volume: Volume, traces: Sequence[Trace], path: Path
) -> Iterator[tuple[str, str, list[Trace]]]:
    """What else the file may mean, what would then mend it, and the traces that it would give."""
    space, flat = volume.space, volume.shape[0] == 1
    axes = "x and y" if flat else "x, y and z"
    if space.known and is_swc(path):
        sizes, first = space.sizes_in(MICROMETER), "put the line '{}' at the top of the file"
        yield f"their {axes} are pixels", first.format(says("pixels")), read_traces(path, Space())
        for name, grown in (("nanometres", 1e3), ("millimetres", 1e-3)):
            found = read_traces(path, _grown(space, grown), volume.shape)
            yield f"their {axes} are {name}", first.format(says(name)), found
        if not flat:
            slices = Space.of((1.0, *sizes[1:]), MICROMETER)
            yield "their z is a slice", f"multiply z by {sizes[0]:g}", read_traces(path, slices)
    if space.known and not is_swc(path):
        z, y, x = size = volume.voxel_size
        by = f"y by {y:g} and x by {x:g}" if flat else f"z by {z:g}, y by {y:g} and x by {x:g}"
        cause = f"their {axes} are in {symbol(volume.unit)}"
        yield cause, f"divide {by}", _each(traces, lambda p: p / size)
    # Columns are axes of the image only where both count from its first voxel.
    if space.origin is None or not is_swc(path):
        unit = np.asarray(swc_size(space) if is_swc(path) else (1.0, 1.0, 1.0))
        swapped = _each(traces, lambda p: (p * unit)[:, [0, 2, 1]] / unit)
        yield "their x and y are swapped", "swap these columns", swapped
        last = volume.shape[1] - 1
        mirrored = _each(traces, lambda p: p * (1, -1, 1) + (0, last, 0))
        mend = f"write {last * unit[1]:g} - y instead of y"
        yield "their y counts from the bottom", mend, mirrored


def _grown(space: Space, times: float) -> Space:
    """A space that is larger than it is."""
    z, y, x = (times * size for size in space.voxel_size)
    if space.origin is None:
        return replace(space, scale=(z, y, x))
    a, b, c = (times * at for at in space.origin)
    return replace(space, scale=(z, y, x), origin=(a, b, c))


def _each(
    traces: Sequence[Trace], change: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> list[Trace]:
    return [replace(trace, points=change(trace.points)) for trace in traces]
