"""Loss and score of a training, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_midl.engine.jobs import Progress

_MOST_POINTS = 1000
_SMOOTHING = 0.9


class Curve:
    """What the metrics of a training's steps were.

    Parameters
    ----------
    score : str, optional
        Name of the score in `Progress.metrics`.

    Attributes
    ----------
    losses : list of float
        One a step.
    scores : list of (int, float)
        After which step there was which score.
    """

    def __init__(self, score: str | None = None) -> None:
        self._score = score
        self.losses: list[float] = []
        self.scores: list[tuple[int, float]] = []
        self._smooth: list[float] = []

    def add(self, batch: Sequence[Progress]) -> None:
        """Take the metrics of some steps."""
        for progress in batch:
            if "loss" in progress.metrics:
                loss = float(progress.metrics["loss"])
                self.losses.append(loss)
                before = self._smooth[-1] if self._smooth else loss
                self._smooth.append(_SMOOTHING * before + (1 - _SMOOTHING) * loss)
            if self._score is not None and self._score in progress.metrics:
                self.add_score(float(progress.metrics[self._score]))

    def add_score(self, score: float) -> None:
        """Take a score of the model as it is now."""
        self.scores.append((len(self.losses), score))

    def smoothed(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Steps, counted from 1, and their smoothed losses; at most about 2000 of them."""
        every = max(1, len(self._smooth) // _MOST_POINTS)
        steps = np.arange(1, len(self._smooth) + 1)[::every]
        return steps, np.asarray(self._smooth, float)[::every]
