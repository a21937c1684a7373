"""The words of an SWC file in the dialects of the programs that write it, and what its header says.

Columns are parted by spaces, tabs, commas or semicolons; Vaa3D adds columns behind the seven; SNT
and navis say what unit the lengths are in; the Janelia Workstation says from where they count.
``SCALE`` records what was applied already, so it changes nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_midl.errors import InputError
from napari_midl.volumes.text import encoding_of, read_bytes
from napari_midl.volumes.units import factor, length_unit

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ("id", "type", "x", "y", "z", "radius", "parent")
_SPACED = re.compile(r"\s*;\s*|\s+")
_PARTED = re.compile(r"\s*[;,]\s*|\s+")
_NUMBER = r"([-+.\deE]+)"
_OFFSET = re.compile(rf"\s*OFFSET\s+{_NUMBER}\s+{_NUMBER}\s+{_NUMBER}\s*")
_SAYS = "All positions and radii in {}"
_UNITS = (
    re.compile(_SAYS.format(r"()([^\W\d_]+)")),
    re.compile(r"napari-midl;.* radius in ()(\w+)"),
    re.compile(r'"units": *"(\d+(?:\.\d+)?) ([^\W\d_]+)"'),
)
# What is no longer so of a file that was written anew: its columns, units and frame.
_ITSELF = (
    re.compile(r"\b(id|n|inode)[ ,;\t]+(type|R)\b", re.IGNORECASE),
    re.compile(r"^(SCALE|OFFSET|axis order|napari-midl)\b", re.IGNORECASE),
    re.compile(r"\b(voxel separation|spacing|units?)\b", re.IGNORECASE),
)


def says(unit: str) -> str:
    """The comment, that of SNT, by which a file says what unit it is in."""
    return f"# {_SAYS.format(unit)}"


@dataclass(frozen=True)
class SwcText:
    """An SWC file, not yet understood as trees.

    Parameters
    ----------
    lines : list of (int, list of str)
        Number of each line that is a node, from 1, and its words, at least seven.
    micrometres : float
        Length of one unit of the file; 1 where it says nothing.
    in_pixels : bool
        It says that it is in pixels.
    offset : tuple of float
        ``(x, y, z)`` that its positions count from.
    """

    lines: list[tuple[int, list[str]]]
    micrometres: float
    in_pixels: bool
    offset: tuple[float, float, float]


def read_swc_text(path: Path) -> SwcText:
    """Read a file, and split its lines.

    Raises
    ------
    InputError
        If it cannot be read or is no text, or a line does not have the columns of a node.
    """
    data = read_bytes(path)
    # Comments may be in any encoding; numbers are the same in all of them.
    text = data.decode(encoding_of(data), errors="replace")
    if "\0" in text:
        raise InputError(f"{path} is no text; give an SWC file, a node a line.")
    contents, comments = [], []
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        content, _, comment = line.partition("#")
        comments.append(comment)
        content = content.strip(" \t,;")
        if content:
            contents.append((number, content))
    unit, micrometres = _unit(comments)
    in_pixels = unit.startswith(("pixel", "voxel"))
    return SwcText(_split(path, contents), micrometres, in_pixels, _offset(comments))


def remarks(path: Path) -> list[str]:
    """Comments above the nodes, but for those that say how the file itself is written.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    data = read_bytes(path)
    text = data.decode(encoding_of(data), errors="replace")
    said = []
    for line in re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff")):
        remark = line.strip().removeprefix("#").strip("# \t")
        if line.strip() and not line.lstrip().startswith("#"):
            break
        about_itself = any(found.search(remark) for found in (*_UNITS, *_ITSELF))
        if remark and not about_itself and not _OFFSET.fullmatch(remark):
            said.append(remark)
    return said


def _split(path: Path, contents: list[tuple[int, str]]) -> list[tuple[int, list[str]]]:
    """The words of each line; one that names the columns is left out."""
    if contents and [w.lower() for w in _PARTED.split(contents[0][1])[2:5]] == ["x", "y", "z"]:
        contents = contents[1:]
    if not contents:
        raise InputError(f"{path} holds no node; give an SWC file of at least one line.")
    first, content = contents[0]
    spaced = len(_SPACED.split(content)) >= len(COLUMNS)
    usual = len((_SPACED if spaced else _PARTED).split(content))
    decimals = any("." in content for _, content in contents)
    lines = []
    for number, content in contents:
        if spaced:
            # What parts the columns is known, so a comma inside a word is a decimal one.
            words = [word.rstrip(",").replace(",", ".") for word in _SPACED.split(content)]
        else:
            words = _PARTED.split(content)
        count = len(words)
        if count > len(COLUMNS) == usual:
            raise InputError(
                f"{path} line {number} has {count} values, and line {first} has {usual}; write "
                f"seven numbers with decimal points: {' '.join(COLUMNS)}."
            )
        if count > len(COLUMNS) and not spaced and not decimals:
            raise InputError(
                f"{path} line {number} has {count} values between its commas, which may be columns "
                "or decimal commas; write decimal points, or put spaces between the columns."
            )
        if count < len(COLUMNS):
            raise no_node(path, number)
        lines.append((number, words))
    return lines


def no_node(path: Path, number: int) -> InputError:
    """What to say of a line that is not seven numbers."""
    return InputError(f"{path} line {number} is no node; write seven numbers: {' '.join(COLUMNS)}.")


def _unit(comments: list[str]) -> tuple[str, float]:
    """The unit that a known program has written, and its length in micrometres; 1 if it is none."""
    for comment in comments:
        for pattern in _UNITS:
            found = pattern.search(comment)
            if found:
                length = length_unit(found[2])
                size = float(found[1] or 1)
                return found[2].lower(), size * factor(length, "micrometer") if length else 1.0
    return "", 1.0


def _offset(comments: list[str]) -> tuple[float, float, float]:
    for comment in comments:
        found = _OFFSET.fullmatch(comment)
        if found:
            try:
                return float(found[1]), float(found[2]), float(found[3])
            except ValueError:
                continue
    return 0.0, 0.0, 0.0
