"""Which axis of a TIFF is which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_midl.errors import InputError
from napari_midl.volumes.axes import AXES, typed_axes

if TYPE_CHECKING:
    from pathlib import Path

    import tifffile

    from napari_midl.volumes.lazy import Lazy

_RGB, _COLOURS = 2, (2, 5, 6, 8, 9, 10)  # RGB, CMYK, YCbCr, and three kinds of L*a*b*
_ALPHA = (1, 2)


def channels_of_samples(
    path: Path, series: tifffile.TiffPageSeries, levels: list[Lazy], colours: bool = False
) -> tuple[str, list[Lazy]]:
    """Make channels of the samples of a pixel; leave out transparency.

    Parameters
    ----------
    path : Path
        What to call the file.
    series : TiffPageSeries
        Its image.
    levels : list of Lazy
        The levels of the image.
    colours : bool
        Whether red, green and blue are channels, too.

    Returns
    -------
    axes : str
        A letter for each axis.
    levels : list of Lazy
        With these axes.

    Raises
    ------
    InputError
        If it is a colour image and that is not wanted, or has channels in pages too.
    """
    axes, key = series.axes, series.keyframe
    if "S" not in axes:
        return axes, levels
    at = axes.index("S")
    count = series.shape[at]
    if key.photometric in _COLOURS and count > 1 and not (colours and key.photometric == _RGB):
        raise InputError(
            f"{path} is a colour (RGB) image; convert it to one intensity channel first."
        )
    if count > 1 and key.extrasamples and key.extrasamples[-1] in _ALPHA:
        count -= 1
    if count > 1 and "C" in axes:
        raise InputError(
            f"{path} holds channels both in pages and within pixels; save it as OME-TIFF with a "
            "page for each channel."
        )
    part: Any = slice(0, count) if count > 1 else 0
    taken = [_take(level, {at: part}) for level in levels]
    return axes.replace("S", "C" if count > 1 else ""), taken


def name_axes(
    path: Path, axes: str, levels: list[Lazy], given: str = ""
) -> tuple[str, list[Lazy], list[str]]:
    """Name all axes as ours; a lone one without a name is Z.

    Parameters
    ----------
    path : Path
        What to call the file.
    axes : str
        A letter for each axis, of which the file means nothing by those that are not ours.
    levels : list of Lazy
        The levels of the image.
    given : str
        What a person calls all of them in that order, for a file that leaves one without a name.

    Returns
    -------
    axes : str
        A letter for each axis.
    levels : list of Lazy
        Without nameless axes of length one.
    notes : list of str
        A sentence if a name was guessed.

    Raises
    ------
    InputError
        If several have no name.
    """
    shape = levels[0].shape
    single = [n for n, axis in enumerate(axes) if axis not in AXES and shape[n] == 1]
    levels = [_take(level, dict.fromkeys(single, 0)) for level in levels]
    axes = "".join(axis for n, axis in enumerate(axes) if n not in single)
    shape = levels[0].shape
    unnamed = [axis for axis in axes if axis not in AXES]
    if not unnamed:
        return axes, levels, []
    if given:
        return typed_axes(given, str(path), shape), levels, []
    if len(unnamed) == 1 and "Z" not in axes:
        planes = shape[axes.index(unnamed[0])]
        return (
            axes.replace(unnamed[0], "Z"),
            levels,
            [f"{path} does not say what its {planes} planes are; they are taken for slices (Z)."],
        )
    sizes = " x ".join(map(str, shape))
    free = [axis for axis in "ZTC" if axis not in axes][: len(unnamed)]
    if len(free) < len(unnamed):
        raise InputError(
            f"{path} has {len(axes)} axes ({sizes}), of which {len(unnamed)} have no name that is "
            "known here; save it as OME-TIFF or OME-Zarr with at most five, T C Z Y X."
        )
    names = iter(sorted(free, key=AXES.index))
    example = "".join(axis if axis in AXES else next(names) for axis in axes)
    raise InputError(
        f"{path} has {len(axes)} axes ({sizes}) and does not name all of them; say what they are, "
        f"such as --axes {example}, or save it as OME-TIFF."
    )


def _take(level: Lazy, positions: dict[int, Any]) -> Lazy:
    """Take positions along some axes."""
    taken: Lazy = level[tuple(positions.get(axis, slice(None)) for axis in range(level.ndim))]
    return taken
