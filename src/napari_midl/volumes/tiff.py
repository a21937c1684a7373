"""What a TIFF, OME-TIFF or ImageJ TIFF holds, as lazy arrays; tifffile reads it."""

from __future__ import annotations

import logging
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import tifffile
import zarr

from napari_midl.errors import InputError
from napari_midl.volumes.reading import StoredArray
from napari_midl.volumes.volume import AXES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_midl.volumes.lazy import Lazy

_UNITS = {"um": "micrometer", "µm": "micrometer", "μm": "micrometer"}  # two signs for micro
_UNITS |= {"micron": "micrometer", "microns": "micrometer", "nm": "nanometer", "mm": "millimeter"}
_UNITS |= {"cm": "centimeter", "m": "meter", "Å": "angstrom", "in": "inch"}


def read_tiff(
    path: Path,
) -> tuple[list[Lazy], list[str], list[float], list[str | None], list[str]]:
    """Describe the first image of a TIFF without reading its voxels.

    Returns
    -------
    levels : list of Lazy
        Finest first; a chunk is a tile, or a page where there are no tiles.
    axes, scale, units
        Of each axis, in the file's order.
    channels : list of str
        Their names, empty if they have none.

    Raises
    ------
    InputError
        If it is RGB, cut short, or its axes cannot be told apart.
    """
    with _faults() as faults, tifffile.TiffFile(path) as file:
        if not file.series:
            raise InputError(f"{path} is cut short; copy or export it again.")
        series = file.series[0]
        if 0 in series.shape:
            raise InputError(f"{path} is empty (shape {series.shape}); export it again.")
        if dict(zip(series.axes, series.shape, strict=True)).get("S", 1) > 1:
            raise InputError(
                f"{path} is a colour (RGB) image; convert it to one intensity channel first."
            )
        if faults or _end(series) > path.stat().st_size:
            raise InputError(f"{path} is cut short; copy or export it again.")
        axes = _axes(path, series.axes.replace("S", ""))
        steps, units, channels = _from_ome(file) if file.is_ome else _from_imagej(file)
        levels: list[Lazy] = [StoredArray(array, path) for array in _arrays(file)]
        if "S" in series.axes:
            first = tuple(0 if axis == "S" else slice(None) for axis in series.axes)
            levels = [level[first] for level in levels]
    return (
        levels,
        axes,
        [steps.get(axis, 1.0) for axis in axes],
        [_UNITS.get(units[axis], units[axis]) if axis in units else None for axis in axes],
        channels,
    )


def _arrays(file: tifffile.TiffFile) -> list[zarr.Array[Any]]:
    """Levels of the first image as zarr arrays that read from the file."""
    series = file.series[0]
    store = series.aszarr(chunkmode=None if series.keyframe.is_tiled else "page")
    # The store opens the file again to read chunks; it is closed with the last array.
    weakref.finalize(store, file.filehandle.close)
    node = zarr.open(store, mode="r")
    if isinstance(node, zarr.Array):
        return [node]
    about: Any = node.attrs["multiscales"]
    return [node[dataset["path"]] for dataset in about[0]["datasets"]]  # type: ignore[misc]


def _end(series: tifffile.TiffPageSeries) -> int:
    """Return where in the file the voxels end; a lazy reader would notice too late."""
    ends = [0]
    if series.dataoffset is not None:
        ends.append(series.dataoffset + series.nbytes)
    last = series.pages[-1]
    if last is not None:
        ends += [o + n for o, n in zip(last.dataoffsets, last.databytecounts, strict=True)]
    return max(ends)


@contextmanager
def _faults() -> Iterator[list[str]]:
    """Collect what points beyond the file's end, which tifffile only logs before going on."""
    faults: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            message = record.getMessage()
            description = "TiffTag 270 " in message and "invalid value offset" in message
            if description or "invalid page offset" in message:
                faults.append(message)

    listener = Listener()
    tifffile.logger().addHandler(listener)
    try:
        yield faults
    finally:
        tifffile.logger().removeHandler(listener)


def _axes(path: Path, axes: str) -> list[str]:
    """Name the axes as we do; a lone unnamed axis is Z."""
    unnamed = [axis for axis in axes if axis not in AXES]
    if len(unnamed) == 1 and "Z" not in axes:
        return list(axes.replace(unnamed[0], "Z"))
    if unnamed:
        raise InputError(
            f"{path} has axes {axes} that cannot be told apart; save it as OME-TIFF or OME-Zarr."
        )
    return list(axes)


Metadata = tuple[dict[str, float], dict[str, str], list[str]]


def _from_ome(file: tifffile.TiffFile) -> Metadata:
    """Step and unit by axis, and channel names, from OME-XML."""
    about: Any = tifffile.xml2dict(file.ome_metadata or "")
    pixels = _first(_first(about["OME"]["Image"])["Pixels"])
    steps, units = {}, {}
    for axis in "ZYX":
        if f"PhysicalSize{axis}" in pixels:
            steps[axis] = float(pixels[f"PhysicalSize{axis}"])
            units[axis] = str(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
    listed = pixels.get("Channel", [])
    channels = [c.get("Name") for c in (listed if isinstance(listed, list) else [listed])]
    return steps, units, [str(c) for c in channels] if all(channels) else []


def _first(node: Any) -> Any:
    return node[0] if isinstance(node, list | tuple) else node


def _from_imagej(file: tifffile.TiffFile) -> Metadata:
    """Step and unit by axis, and channel names, from ImageJ's description."""
    about: dict[str, Any] = file.imagej_metadata or {}
    unit = str(about.get("unit", "")).replace("\\u00B5", "µ")
    # Without a unit the resolution may be a printer's and the spacing left over from elsewhere.
    if not unit or unit.startswith("pixel"):
        return {}, {}, []
    # ImageJ leaves out a spacing of one.
    steps = {"Z": abs(float(about.get("spacing", 1.0)))}
    tags = file.pages.first.tags
    for axis, tag in (("Y", "YResolution"), ("X", "XResolution")):
        if tag in tags and tags[tag].value[0]:
            above, below = tags[tag].value
            steps[axis] = below / above
    return steps, dict.fromkeys("ZYX", unit), []
