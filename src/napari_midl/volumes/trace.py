"""A trace: a fibre as a row of points, and what grows from what."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SOMA, AXON = 1, 2
NO_ID = -1
PER_POINT = ("points", "uncertainty", "radius", "kinds", "ids")
_NOT_GIVEN = {"uncertainty": np.nan, "radius": np.nan, "kinds": AXON, "ids": NO_ID}


@dataclass(frozen=True)
class Link:
    """The point of another trace that a trace grows from.

    Parameters
    ----------
    path : str
        Name of the parent.
    index : int
        Which of its points, from 0.
    """

    path: str
    index: int


@dataclass(frozen=True)
class Trace:
    """One fibre, or one soma.

    Parameters
    ----------
    path : str
        Its name.
    points : ndarray, shape (n, 3)
        ``(z, y, x)`` in voxels, in order along the fibre. A trace with a parent begins at the
        point of the parent that it grows from.
    uncertainty : ndarray, shape (n,)
        How probable it is, at each point, to be off the fibre, from 0 to 1; NaN where nobody told,
        as in an SWC file, which is neither sure nor doubtful.
    placed_by : {"tracker", "person"}
        Who made it.
    why : str
        Why it ended where it did.
    state : str
        What a person decided: ``accepted`` or ``proposed``; empty where nobody was asked.
    radius : ndarray, shape (n,)
        Half its width at each point, in sizes of a voxel along x; NaN where not measured.
    kinds : ndarray of int, shape (n,)
        SWC type of each point: 1 soma, 2 axon, 3 and 4 dendrites; axon where not given.
    parent : Link, optional
        What it grows from; none where a tree begins.
    ids : ndarray of int, shape (n,)
        Number of each point in the SWC file it was read from; -1 for others.

    Notes
    -----
    `uncertainty`, `radius`, `kinds` and `ids` that are not as many as the points are those of other
    points, and count as not given.
    """

    path: str
    points: NDArray[np.float64]
    uncertainty: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    placed_by: Literal["tracker", "person"] = "tracker"
    why: str = ""
    state: str = ""
    radius: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    kinds: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, int))
    parent: Link | None = None
    ids: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, int))

    def __post_init__(self) -> None:
        for name, missing in _NOT_GIVEN.items():
            if len(getattr(self, name)) != len(self.points):
                object.__setattr__(self, name, np.full(len(self.points), missing))

    @property
    def is_soma(self) -> bool:
        """Whether all of it is soma."""
        return len(self.kinds) > 0 and bool((self.kinds == SOMA).all())

    @property
    def untold(self) -> NDArray[np.bool_]:
        """Whether nobody told how unsure it is, at each point."""
        return np.isnan(self.uncertainty)

    @cached_property
    def is_told(self) -> bool:
        """Whether it is told all along how unsure it is.

        The point that it grows from does not count: that is its parent's.
        """
        return not self.untold[int(self.parent is not None) :].any()

    @property
    def mean_uncertainty(self) -> float:
        """Of the points of which it is told; NaN where of none."""
        told = self.uncertainty[~self.untold]
        return float(told.mean()) if len(told) else np.nan

    @property
    def highest_uncertainty(self) -> float:
        """Of the points of which it is told; NaN where of none."""
        return float(np.fmax.reduce(self.uncertainty, initial=np.nan))

    def length(self, voxel_size: Sequence[float]) -> float:
        """Length along the trace, in the units of `voxel_size`."""
        steps = np.diff(self.points * np.asarray(voxel_size), axis=0)
        return float(np.linalg.norm(steps, axis=1).sum())

    def tortuosity(self, voxel_size: Sequence[float]) -> float:
        """Length over the straight distance of the ends.

        Infinite for a closed trace, NaN for a single point.
        """
        ends = (self.points[-1] - self.points[0]) * np.asarray(voxel_size)
        straight = float(np.linalg.norm(ends))
        length = self.length(voxel_size)
        if not straight:
            return float("inf") if length else float("nan")
        return length / straight

    def part(self, which: slice, **changes: Any) -> Trace:
        """Some of its points, in their order, with other changes as for `dataclasses.replace`."""
        taken: dict[str, Any] = {name: getattr(self, name)[which] for name in PER_POINT}
        return replace(self, **(taken | changes))

    def followed_by(self, *others: Trace, **changes: Any) -> Trace:
        """Its points and then those of others, with other changes."""
        every = (self, *others)
        joined: dict[str, Any] = {
            name: np.concatenate([getattr(t, name) for t in every]) for name in PER_POINT
        }
        return replace(self, **(joined | changes))
