"""Which landmarks of a template the names in a file mean."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_midl.methods.anatomy.template import Template

_SHORT = {
    "l": "left",
    "r": "right",
    "lt": "left",
    "rt": "right",
    "ant": "anterior",
    "post": "posterior",
    "lat": "lateral",
    "med": "medial",
}
_SIDES = {"left": "right", "right": "left", "l": "r", "r": "l"}
_SIDE_WORD = re.compile(r"(?<![^\W_])(left|right|l|r)(?![^\W_])", re.IGNORECASE)
_NUMBERED = re.compile(r"(.*?)(\d+)")
_ALIKE = 0.75


def suggested(names: Sequence[str], template: Template) -> list[int | None]:
    """Which landmark each name probably means; None where none or more than one may be meant.

    By its words in any order, written in any way; else by words that are one more or fewer than
    those of a landmark (``gonial angle left``); else by likeness; and where all names are the same
    but for a number, as those of 3D Slicer are (``F-1``), by their order; some count from 0.

    Parameters
    ----------
    names : sequence of str
        As a file has them.
    template : Template
        Names the landmarks.
    """
    known = [" ".join(sorted(_words(item.name))) for item in template.landmarks]
    found: list[int | None] = []
    for name in names:
        words = " ".join(sorted(_words(name)))
        alike = [words] if words in known else _more_or_fewer(words, known)
        alike = alike or get_close_matches(words, known, n=2, cutoff=_ALIKE)
        # The two sides of a name are as alike as can be; only one that says its side is meant.
        alike = [a for a in alike if _side(a) == _side(words)]
        found.append(known.index(alike[0]) if len(alike) == 1 else None)
    if not any(place is not None for place in found):
        found = _by_number(names, len(known))
    return [place if place is None or found.count(place) == 1 else None for place in found]


def _words(name: str) -> list[str]:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = re.findall(r"[^\W_]+", apart.casefold())
    return [_SHORT.get(word, word) for word in words]


def _more_or_fewer(words: str, known: Sequence[str]) -> list[str]:
    """The known names that have all of these words, or of which these words have all."""
    given = set(words.split())
    return [k for k in known if given <= set(k.split()) or given >= set(k.split())]


def _side(words: str) -> set[str]:
    return {"left", "right"} & set(words.split())


def _by_number(names: Sequence[str], count: int) -> list[int | None]:
    parts = [_NUMBERED.fullmatch(name.strip()) for name in names]
    prefixes = {part[1] for part in parts if part}
    if len(prefixes) != 1 or not all(parts):
        return [None] * len(names)
    numbers = [int(part[2]) for part in parts if part]
    first = min(1, *numbers)  # some count from 0
    places = [number - first for number in numbers]
    return [place if place < count else None for place in places]


def other_side(name: str) -> str:
    """A name with left and right exchanged, as words or as single letters; else the same."""

    def exchanged(found: re.Match[str]) -> str:
        other = _SIDES[found[0].casefold()]
        if found[0].isupper():
            return other.upper()
        return other.capitalize() if found[0][0].isupper() else other

    return _SIDE_WORD.sub(exchanged, name)
