"""The uncertainty all along a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_midl.volumes.traces import resample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.volumes.traces import Trace

SURE = 0.25


def doubted(trace: Trace, step: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points ``(y, x)`` every so many px along a trace of a plane, and the uncertainty at each."""
    line = trace.points[:, 1:]
    if len(line) < 2:
        return line, trace.uncertainty
    points = resample(line, step)
    along = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))]
    unsure = np.interp(np.linspace(0, along[-1], len(points)), along, trace.uncertainty)
    return points, unsure
