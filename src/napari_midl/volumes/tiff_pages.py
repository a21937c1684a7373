"""Whether a TIFF holds what it says: its directories, and the bytes of its voxels.

The library that reads TIFFs goes on where something is missing, mostly with zeros; so this looks
first.
"""

from __future__ import annotations

import math
import mmap
from operator import add
from pathlib import Path
from struct import calcsize, error, iter_unpack, unpack_from
from typing import TYPE_CHECKING, NamedTuple

import tifffile

from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

# Opening takes about 20 microseconds a page; where there are several kinds, each page is compared
# with all others.
_MOST_PAGES, _MOST_OF_KINDS = 200_000, 10_000
# What pages of one image have in common: their size, type, compression, colours and pieces.
_LAYOUT = frozenset((256, 257, 258, 259, 262, 266, 277, 278, 284, 317, 322, 323, 338, 339))
_LAYOUT |= frozenset((32997, 32998))
# Besides these the description, and where the pieces and the coarser levels lie.
_NEEDED = _LAYOUT | {270, 273, 279, 324, 325, 330}
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_BYTES |= {16: 8, 17: 8, 18: 8}


class Directories(NamedTuple):
    """What the directories of a TIFF say, one for each page.

    Parameters
    ----------
    layouts : list of int
        For each page the first that says the same of its size, type and compression.
    tags : frozenset of int
        What the first page says that is needed to read it.
    """

    layouts: list[int]
    tags: frozenset[int]


def read_directories(path: Path) -> Directories:
    """Follow the directories of a TIFF from the first to the last.

    Raises
    ------
    InputError
        If it is no TIFF, cut short, goes round in a circle, or has too many pages to open.
    """
    if not path.stat().st_size:
        raise InputError(f"{path} is an empty file; copy or export it again.")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
        order = {b"II": "<", b"MM": ">"}.get(held[:2], "")
        big = {b"*\0": False, b"\0*": False, b"+\0": True, b"\0+": True}.get(held[2:4])
        if not order or big is None:
            raise InputError(f"{path} is no TIFF, whatever its name says; give an image.")
        count, entry, pointer = ("Q", "HHQ8s", "Q") if big else ("H", "HHI4s", "I")
        formats = order + count, order + entry, order + pointer
        try:
            return _follow(path, held, formats, 8 if big else 4)
        except (error, OverflowError):
            raise cut_short(path) from None


def _follow(path: Path, held: mmap.mmap, formats: tuple[str, str, str], at: int) -> Directories:
    """Read the directories, whose numbers are packed as the formats say."""
    counted, entry, pointer = formats
    numbers: dict[int, int] = {}
    layouts: dict[tuple[object, ...], int] = {}
    tags: frozenset[int] = frozenset()
    found: list[int] = []
    (offset,) = unpack_from(pointer, held, at)
    while offset:
        if offset in numbers:
            raise InputError(
                f"{path} is damaged: its pages follow one another in a circle; copy or export it "
                "again."
            )
        if len(numbers) >= (_MOST_PAGES if len(layouts) < 2 else _MOST_OF_KINDS):
            kinds = "" if len(layouts) < 2 else " of several kinds"
            raise InputError(
                f"{path} has more than {len(numbers):,} pages{kinds}, which take too long to open; "
                "save it as OME-Zarr."
            )
        numbers[offset] = len(numbers)
        (many,) = unpack_from(counted, held, offset)
        begin = offset + calcsize(counted)
        end = begin + many * calcsize(entry)
        (offset,) = unpack_from(pointer, held, end)
        entries = list(iter_unpack(entry, held[begin:end]))
        if not found:
            tags = frozenset(each[0] for each in entries) & _NEEDED
        layout = tuple(_plain(*each) for each in entries if each[0] in _LAYOUT)
        found.append(layouts.setdefault(layout, len(found)))
    return Directories(found, tags)


def _plain(code: int, kind: int, count: int, value: bytes) -> tuple[int, int, bytes]:
    """A tag and its value, where that lies in the directory itself."""
    width = count * _BYTES.get(kind, 0)
    return code, count, value[:width] if width <= len(value) else b""


def check_first_page(path: Path, page: tifffile.TiffPage, directories: Directories) -> None:
    """Refuse a TIFF whose first page could not be read in full, or cannot be decoded.

    Raises
    ------
    InputError
        If so.
    """
    if directories.tags - {tag.code for tag in page.tags}:
        raise cut_short(path)
    if page.compression != 1:
        try:
            tifffile.TIFF.DECOMPRESSORS[page.compression]
        except KeyError:
            raise InputError(
                f"{path} is compressed by a method that is not known here (number "
                f"{int(page.compression)}); save it uncompressed, or with LZW or zlib."
            ) from None
    if page.dtype is None:
        raise InputError(
            f"{path} holds numbers of a type that is not known here ({page.bitspersample} bits); "
            "save it with 8 or 16 bits, or as floats."
        )


def unlike(series: tifffile.TiffPageSeries, directories: Mapping[Path, Directories]) -> Path | None:
    """The first file of an image with a page that cannot be read as the others; None if all can.

    Parameters
    ----------
    series : TiffPageSeries
        The image: its pages have one size and type, and in each file one compression too.
    directories : mapping of Path to Directories
        Of its files.
    """
    if len(directories) == 1 and not any(any(each.layouts) for each in directories.values()):
        return None  # all its pages say the same as the first
    kinds: dict[tuple[Path, int], tifffile.TiffPage | tifffile.TiffFrame] = {}
    for page in series:
        if page is not None and not page.is_subifd and not page.is_virtual:
            file = Path(page.parent.filehandle.path)
            kinds.setdefault((file, directories[file].layouts[page.index]), page)
    shape: object = None
    # tifffile decodes the pages of all files of one name alike.
    stored: dict[str, int] = {}
    for (file, _), page in kinds.items():
        whole = _whole_page(page)
        shape = shape or (whole.shape, whole.dtype)
        if (whole.shape, whole.dtype) != shape:
            return file
        if stored.setdefault(file.name, whole.hash) != whole.hash:
            return file
    return None


def _whole_page(page: tifffile.TiffPage | tifffile.TiffFrame) -> tifffile.TiffPage:
    """All that a page says of itself; its file may be closed."""
    handle = page.parent.filehandle
    closed = handle.closed
    handle.open()
    try:
        return page.aspage()
    finally:
        if closed:
            handle.close()


def check_voxels(path: Path, series: tifffile.TiffPageSeries) -> list[str]:
    """Refuse an image whose voxels are not all in its files; a lazy reader would notice too late.

    Parameters
    ----------
    path : Path
        What to call the image.
    series : TiffPageSeries
        The image.

    Returns
    -------
    list of str
        A sentence if some planes were never written, which TIFF allows.

    Raises
    ------
    InputError
        If planes or pieces of them are missing, or lie beyond the end of the file.
    """
    unwritten = 0
    for level in series.levels:
        key = level.keyframe
        if level.dataoffset is not None:
            if level.dataoffset + level.nbytes > key.parent.filehandle.size:
                raise cut_short(path)
            continue
        pages = [level[n] for n in range(len(level))]
        wanted = math.prod(level.shape) // max(1, key.size)
        if len(pages) != wanted or None in pages:
            raise not_all_planes(path, wanted, len(pages) - pages.count(None))
        for page in pages:
            assert page is not None
            unwritten += _check_page(page)
    if not unwritten:
        return []
    return [f"{path} has {unwritten} planes that were never written; they are read as 0."]


def _check_page(page: tifffile.TiffPage | tifffile.TiffFrame) -> bool:
    """Refuse a page whose pieces are not all in its file; tell whether none was ever written."""
    assert page.keyframe is not None
    path = Path(page.parent.filehandle.path)
    pieces = math.prod(page.keyframe.chunked)
    offsets, counts = page.dataoffsets, page.databytecounts
    if len(offsets) != pieces or len(counts) != pieces:
        raise damaged(path)
    ends = list(map(add, offsets, counts))
    if max(ends) > page.parent.filehandle.size:
        raise cut_short(path)
    # It is read in one go if the pieces of the first page of its image are adjacent.
    if page.is_contiguous and any(end != at for end, at in zip(ends, offsets[1:], strict=False)):
        raise damaged(path)
    return not any(offsets) or not any(counts)


def cut_short(path: Path) -> InputError:
    """The sentence about a file that ends too early."""
    return InputError(f"{path} is cut short or damaged; copy or export it again.")


def damaged(path: Path) -> InputError:
    """The sentence about a file that contradicts itself."""
    return InputError(
        f"{path} is damaged, or a kind of TIFF that is not known here; copy it again, or export it "
        "as OME-TIFF or OME-Zarr."
    )


def not_all_planes(path: Path, described: int, held: int) -> InputError:
    """The sentence about a file whose description does not fit its pages."""
    return InputError(
        f"{path} describes {described} planes and holds {held}: it is cut short, or its "
        "description is that of another file; copy it again, or save it anew in Fiji."
    )
