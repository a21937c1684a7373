"""What a TIFF, OME-TIFF or ImageJ TIFF holds, as lazy arrays; tifffile reads it."""

from __future__ import annotations

import logging
import math
import os
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from napari_midl.errors import InputError
from napari_midl.volumes.ome_files import COMPANION, description_of, is_ome
from napari_midl.volumes.ome_tiff import OmeImage, ome_image
from napari_midl.volumes.reading import StoredArray
from napari_midl.volumes.tiff_arrays import arrays_of
from napari_midl.volumes.tiff_axes import channels_of_samples, name_axes
from napari_midl.volumes.tiff_calibration import (
    Calibration,
    imagej_calibration,
    ome_calibration,
    resolution_calibration,
)
from napari_midl.volumes.tiff_pages import (
    Directories,
    check_first_page,
    check_voxels,
    damaged,
    not_all_planes,
    read_directories,
    unlike,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from napari_midl.volumes.lazy import Lazy
    from napari_midl.volumes.space import Space

_WHITE_IS_ZERO, _PALETTE = 0, 3


@dataclass(frozen=True)
class Tiff:
    """The image of a TIFF.

    Parameters
    ----------
    levels : list of Lazy
        Finest first; a chunk is a tile, a strip of a large page, or a page.
    axes : str
        A letter for each axis, in the file's order.
    space : Space
        Size of the voxels, and their place where we wrote it.
    channels : list of str
        Their names, empty if they have none.
    notes : list of str
        Sentences on what was taken for granted.
    says_axes : bool
        Whether the file itself names its axes.
    inverted : bool
        Whether the values were turned round, as 0 is white in the file.
    """

    levels: list[Lazy]
    axes: str
    space: Space
    channels: list[str]
    notes: list[str]
    says_axes: bool
    inverted: bool


def read_tiff(path: Path, axes: str = "", colours: bool = False) -> Tiff:
    """Describe the image of a TIFF without reading its voxels.

    Of several images the first is opened, or that to which the file belongs where it is one of a
    set. Where 0 is white, values are turned round so that more is brighter: unsigned integers
    are taken from the largest that their bits hold, signed ones become -1 - value, and floats,
    which have no largest value, -value. ImageJ keeps its inverted lookup table in the same tag and
    measures the values as they are; so they stay as they are. The indices of a palette stay too.

    Parameters
    ----------
    path : Path
        The file, or the ``.companion.ome`` that describes a set of files.
    axes : str
        Names of its axes in its order, such as ``TZYX``, for a file that does not name all.
    colours : bool
        Whether red, green and blue are channels, too.

    Raises
    ------
    InputError
        If it is colour, damaged or cut short, if a file of its set is missing, or its axes cannot
        be told apart.
    """
    with _opened(path) as opened:
        series, notes = opened.series, opened.notes
        size = opened.calibration()
        turn, said = _turning(opened)
        levels: list[Lazy] = [
            Level(path, n, array)
            for n, array in enumerate(arrays_of(path, opened.file, opened.series))
        ]
        if turn is not None:
            levels = [level.map(turn, level.dtype) for level in levels]
        letters, levels = channels_of_samples(path, series, levels, colours)
        names, levels, guessed = name_axes(path, letters, levels, axes)
        channels = opened.ome.channels if opened.ome is not None else []
    notes = [*notes, *size.notes, *said, *guessed]
    says_axes = set(names) <= set(letters)
    return Tiff(levels, names, size.space, channels, notes, says_axes, turn is not None)


class Level(StoredArray):
    """One level of the image of a TIFF; another process opens the file anew.

    Parameters
    ----------
    path : Path
        The file.
    number : int
        Which level, 0 the finest.
    array : zarr.Array
        Reads from the file.
    """

    def __init__(self, path: Path, number: int, array: Any) -> None:
        super().__init__(array, path)
        self._which = path, number

    def __reduce__(self) -> Any:
        return _level, self._which


def _level(path: Path, number: int) -> Level:
    with _opened(path) as opened:
        return Level(path, number, arrays_of(path, opened.file, opened.series)[number])


@dataclass(frozen=True)
class _Opened:
    """An open TIFF whose image was found to be whole."""

    path: Path
    file: tifffile.TiffFile
    series: tifffile.TiffPageSeries
    ome: OmeImage | None
    notes: list[str]

    @property
    def is_imagej(self) -> bool:
        """Whether ImageJ has described it."""
        return self.ome is None and bool(self.file.is_imagej)

    def calibration(self) -> Calibration:
        """Size of the voxels."""
        if self.ome is not None:
            return ome_calibration(self.ome.pixels, self.ome.creator)
        if self.is_imagej:
            sizes = dict(zip(self.series.axes, self.series.shape, strict=True))
            planes = self.series.size // self.series.keyframe.size
            slices = planes // (sizes.get("T", 1) * sizes.get("C", 1))
            return imagej_calibration(self.path, self.file, slices)
        return resolution_calibration(self.file)


@contextmanager
def _opened(path: Path, *, uniform: bool = True) -> Iterator[_Opened]:
    """Open a TIFF and look whether its image is whole.

    Parameters
    ----------
    path : Path
        The file.
    uniform : bool
        Whether pages that look alike may be taken for one image.

    Raises
    ------
    InputError
        If it is not, or cannot be understood.
    """
    # It would print what it makes of a damaged file.
    silent = logging.NullHandler()
    tifffile.logger().addHandler(silent)
    try:
        directories: dict[Path, Directories] = {}
        if not path.name.lower().endswith(COMPANION):
            directories[Path(os.path.realpath(path))] = read_directories(path)
        text = description_of(path)
        ome = ome_image(path, text, directories) if not directories or is_ome(text) else None
        first = path if ome is None else ome.path
        with _tifffile(first, ome, uniform) as file:
            if not file.pages:
                raise damaged(path)
            check_first_page(path, file.pages.first, directories[Path(os.path.realpath(first))])
            series = _series(path, file, ome)
            if 0 in series.shape:
                raise InputError(f"{path} is empty (shape {series.shape}); export it again.")
            odd = unlike(series, directories)
            if odd is not None and series.kind == "uniform":
                with _opened(path, uniform=False) as opened:
                    yield opened
                return
            if odd is not None:
                raise InputError(
                    f"{odd} has a plane of another size, or stored in another way, than the rest "
                    "of its image; save each kind as a file of its own."
                )
            for level in series.levels:
                # Of pages in several files tifffile asks only whether their offsets fit together.
                if series.is_multifile or level.dataoffset == 0:
                    level.dataoffset = None
            notes = check_voxels(path, series)
            notes += _of_several(path, file, series) if ome is None else ome.notes
            yield _Opened(path, file, series, ome, notes)
    except InputError:
        raise
    except PermissionError:
        raise InputError(f"{path} may not be read by you; ask for the right to.") from None
    except Exception as error:  # it raises many classes, and none says what a person can do
        raise damaged(path) from error
    finally:
        tifffile.logger().removeHandler(silent)


def _tifffile(path: Path, ome: OmeImage | None, uniform: bool) -> tifffile.TiffFile:
    """Open a TIFF; an OME-TIFF by its description, whatever else it says of itself."""
    if ome is None:
        other_than_uniform: dict[str, Any] = {} if uniform else {"is_uniform": False}
        return tifffile.TiffFile(path, **other_than_uniform)
    others: dict[str, Any] = {"is_shaped": False, "is_mmstack": False, "is_lsm": False}
    return tifffile.TiffFile(path, omexml=ome.xml, **others)


def _series(path: Path, file: tifffile.TiffFile, ome: OmeImage | None) -> tifffile.TiffPageSeries:
    """The first image, unless it is less than the file describes: tifffile makes do with that."""
    page = file.pages.first
    if ome is not None:
        held = page.imagelength, page.imagewidth
        if ome.plane != (str(held[0]), str(held[1])):
            raise InputError(
                f"{path} describes planes of {' x '.join(map(str, ome.plane))} pixels and holds "
                f"such of {held[0]} x {held[1]}: it is damaged, or its description is that of "
                "another file; copy it again, or save it anew in Fiji."
            )
        if file.series[0].kind != "ome":
            raise damaged(path)
        return file.series[0]
    series = next((s for s in file.series if not s.keyframe.is_reduced), file.series[0])
    described, size = series.size, series.keyframe.size
    if (text := page.shaped_description) is not None:
        about: dict[str, Any] = tifffile.tifffile.shaped_description_metadata(text)
        described = math.prod(about["shape"])
    elif file.is_imagej and series.kind != "imagej":
        about = file.imagej_metadata or {}
        counts = [about.get(axis, 1) for axis in ("frames", "slices", "channels")]
        described = max(math.prod(counts), about.get("images", 1)) * size
    if described > series.size:
        raise not_all_planes(path, described // size, series.size // size)
    return series


def _of_several(path: Path, file: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> list[str]:
    """What to say of a file with more than one image."""
    if len(file.series) == 1:
        return []
    return [
        f"{path} holds {len(file.series)} images of different size or type, of which one of "
        f"{' x '.join(map(str, series.shape))} is opened; save another as a file of its own to "
        "open it."
    ]


def _turning(opened: _Opened) -> tuple[Callable[[NDArray[Any]], NDArray[Any]] | None, list[str]]:
    """How values are turned round so that more is brighter, and what to say of it."""
    path, key, dtype = opened.path, opened.series.keyframe, opened.series.dtype
    if key.photometric == _PALETTE:
        return None, [
            f"{path} has a palette of colours; its indices are taken as values, as is right for "
            "labels, and for intensities that a lookup table colours."
        ]
    if key.photometric != _WHITE_IS_ZERO:
        return None, []
    if opened.is_imagej:
        return None, [
            f"{path} is shown by ImageJ with an inverted lookup table; its values are taken as "
            "they are, so that what looks bright there is low."
        ]
    if dtype.kind == "u":
        largest = 2 ** min(key.bitspersample, 8 * dtype.itemsize) - 1
        turn: Callable[..., NDArray[Any]] = partial(np.subtract, dtype.type(largest))
    else:
        turn = {"b": np.logical_not, "i": np.invert}.get(dtype.kind, np.negative)
    return turn, [
        f"{path} says that 0 is white (min-is-white); its values were turned round, so that more "
        "is brighter."
    ]
