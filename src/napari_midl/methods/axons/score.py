"""How well a trace follows a fibre.

Dai et al., MIDL 2019, section 4.2: coverage and mean error; and what their pair leaves out,
the share of the trace that lies off the fibre.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy.spatial import cKDTree

from napari_midl.volumes.traces import resample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEAR = 3.0
_SPACING = 0.25


@dataclass(frozen=True)
class Score:
    """A trace against a true centreline, both in px.

    Parameters
    ----------
    coverage : float
        Share of the true points within 3 px of the trace.
    error : float
        Mean distance of those points to the trace, px; NaN where none is covered.
    off : float
        Share of the trace, between the ends of the fibre, further than 3 px from it.
    """

    coverage: float
    error: float
    off: float


def score(trace: NDArray[np.float64], truth: NDArray[np.float64], near: float = NEAR) -> Score:
    """Compare a trace ``(n, d)`` with a centreline ``(m, d)``, points in order along them.

    Parameters
    ----------
    trace, truth : ndarray
        Positions in isotropic px.
    near : float
        Distance up to which a point counts as covered, px.
    """
    dense, line = resample(trace, _SPACING), resample(truth, 1.0)
    distance, _ = cKDTree(dense).query(line)
    covered = distance <= near
    away, nearest = cKDTree(line).query(dense)
    # What runs on beyond the ends of the annotation may well be fibre that nobody traced.
    between = (nearest > 0) & (nearest < len(line) - 1)
    off = float((away[between] > near).mean()) if between.any() else 0.0
    error = float(distance[covered].mean()) if covered.any() else float("nan")
    return Score(float(covered.mean()), error, off)
