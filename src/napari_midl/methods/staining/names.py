"""What the names of layers say about their channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_FLUORESCENCE = ("fluor", "nucle", "dapi", "dna", "acridine", "hoechst", "fcm")
_REFLECTANCE = ("reflect", "eosin", "cyto", "rcm", "stroma", "scatter")


def guess_channels(names: Sequence[str]) -> tuple[int, int]:
    """Places of the fluorescence and of the reflectance: by their names, else the first two."""
    return _first(names, _FLUORESCENCE, 0), _first(names, _REFLECTANCE, 1)


def _first(names: Sequence[str], words: Sequence[str], otherwise: int) -> int:
    for index, name in enumerate(names):
        if any(word in name.lower() for word in words):
            return index
    return min(otherwise, len(names) - 1)
