"""What the names of layers say about their channels."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_FLUORESCENCE = ("fluo", "nucle", "dapi", "dna", "acridine", "hoechst", "fcm")
_REFLECTANCE = ("refl", "eosin", "cyto", "rcm", "stroma", "scatter")


def guess_channels(names: Sequence[str]) -> tuple[int, int]:
    """Places of the fluorescence and of the reflectance: two by their names, else the first two."""
    if len(names) < 2:
        return len(names) - 1, len(names) - 1
    nuclei, rest = (_called(names, words) for words in (_FLUORESCENCE, _REFLECTANCE))
    pairs = permutations(range(len(names)), 2)
    return max(pairs, key=lambda pair: (pair[0] in nuclei) + (pair[1] in rest))


def _called(names: Sequence[str], words: Sequence[str]) -> set[int]:
    return {at for at, name in enumerate(names) if any(word in name.lower() for word in words)}
