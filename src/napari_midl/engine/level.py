"""Whether another threshold than a half would fit what is painted better."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BINS = 100
_APART = 0.15  # precision and recall that differ by less are in balance
_CLEARLY = 0.02  # Dice
_SAME = 0.002  # Dice
_FEWEST = 50  # voxels


def level_advice(
    probability: NDArray[np.floating], true: NDArray[np.bool_], what: str = "Vessels"
) -> str:
    """Say that things are drawn too thick or too thin, and the threshold that mends it.

    Parameters
    ----------
    probability : ndarray of float, shape (N,)
        Of voxels that were painted, and best not learnt from.
    true : ndarray of bool, shape (N,)
        Whether they were painted as what is looked for.
    what : str
        Its name in the plural, as it begins a sentence.

    Returns
    -------
    str
        Empty where a half is as good, or too few voxels tell.
    """
    if min(int(true.sum()), int((~true).sum())) < _FEWEST:
        return ""
    # Counts of voxels from each threshold upwards, for 0, 0.01, ...
    bins = np.clip((probability * _BINS + 1e-4).astype(int), 0, _BINS - 1)
    hits, wrong = (
        np.bincount(bins[chosen], minlength=_BINS)[::-1].cumsum()[::-1] for chosen in (true, ~true)
    )
    found = hits + wrong
    dice = 2 * hits / (found + true.sum())
    half = _BINS // 2
    precision, recall = hits[half] / max(found[half], 1), hits[half] / true.sum()
    best = np.flatnonzero(dice >= dice.max() - _SAME)
    level = int(best[len(best) // 2])
    thick = bool(recall > precision)
    if (
        abs(recall - precision) < _APART
        or dice[level] < dice[half] + _CLEARLY
        or thick != (level > half)
    ):
        return ""
    return (
        f"{what} are drawn too {'thick' if thick else 'thin'}; a threshold of {level / _BINS:.2f} "
        f"fits your paint better (Dice {dice[level]:.2f} instead of {dice[half]:.2f})."
    )
