"""Directions of a patient's body, which files name by letters: LPS, RAS and the like."""

from __future__ import annotations

LPS = "LPS"
# What each axis may be called, and which way that points along ours.
_AXES = ({"L": 1, "R": -1}, {"P": 1, "A": -1}, {"S": 1, "I": -1})


def to_lps(system: str) -> tuple[int, int, int] | None:
    """Signs that turn points ``(x, y, z)`` of a coordinate system into LPS.

    Parameters
    ----------
    system : str
        Where its axes point to: ``LPS``, ``ras`` or ``right-anterior-superior``.

    Returns
    -------
    tuple of int, or None
        1 or -1 for x, y and z; None where it has its axes in another order, or is none.
    """
    words = system.strip().upper().split("-")
    letters = words[0] if len(words) == 1 else "".join(word[:1] for word in words)
    if len(letters) != len(_AXES):
        return None
    x, y, z = (signs.get(letter) for signs, letter in zip(_AXES, letters, strict=True))
    return None if x is None or y is None or z is None else (x, y, z)
