"""Where a trace runs into a body that is no fibre, such as a cell body, and ends in or behind it.

A body is as bright as the fibre that comes into it, so that an agent goes on through it and is
sure. But it is far wider all at once, and ends on nearly all sides: there is no axis to be on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.methods.axons.evidence import lengths
from napari_midl.methods.axons.radii import measure_radii
from napari_midl.methods.axons.soma_size import soma_radius
from napari_midl.volumes.trace import Trace
from napari_midl.volumes.traces import resample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.volumes.volume import Volume

    Values = NDArray[np.float64]

# In radii of the fibre: that of a body at least, which is measured less wide across a trace that
# passes beside its middle; and what the fibre has at most just before it, so that one which widens
# by and by is none.
_BODY, _WIDE, _BEFORE = 2.5, 2.0, 1.4
# In diameters of the body: the longest way through it, so that a thick fibre that a thin one joins
# is none, and what may be as thin as the fibre again behind it, so that one which goes on is
# believed; and from where it begins to the end of a trace.
_THROUGH, _TO_END = 3.0, 5.0
# Of its width across the trace, how large the circle or sphere in it is at least.
_ROUND = 0.7
# How finely widths are measured, in pixels along x: a person waits for it.
_STEP = 2.0
# How doubtful a body is; a place that a person has to look at.
_IN_BODY = 0.8


def doubt_in_bodies(volume: Volume, trace: Trace, spacing: Values, dark: bool | None) -> Values:
    """How doubtful each point of a trace is, since it is in a body in which the trace ends.

    Parameters
    ----------
    volume : Volume
        Image with axes ``Z Y X``; boxes about the trace are read.
    trace : Trace
        In its voxels.
    spacing : ndarray, shape (3,)
        Size of a voxel, in pixels along x.
    dark : bool, optional
        Whether the fibre is darker than the ground.

    Returns
    -------
    ndarray, shape (n,)
        0 where it is in none.
    """
    points = trace.points * spacing
    line = resample(points, _STEP)
    if len(line) < 2:
        return np.zeros(len(points))
    fine = Trace("", line / spacing, np.zeros(len(line)))
    radius = measure_radii(volume, fine, dark).radius
    at, unsure = lengths(points), np.zeros(len(points))
    for way in (1, -1):
        body = body_at_end(radius[::way], lengths(line[::way]))
        if body and _is_round(volume, fine.points[::way][body.widest], body):
            unsure[(at if way > 0 else at[-1] - at) >= body.begin] = _IN_BODY
    return unsure


@dataclass(frozen=True)
class Body:
    """A body on the way of a trace.

    Parameters
    ----------
    begin : float
        Length along the trace up to it.
    widest : int
        The point of the trace where it is widest.
    radius, fibre : float
        Half the width there, and of the fibre.
    """

    begin: float
    widest: int
    radius: float
    fibre: float


def body_at_end(radius: Values, along: Values) -> Body | None:
    """What may be a body in which a trace ends, or just behind it.

    Parameters
    ----------
    radius : ndarray, shape (n,)
        Half its width at each point; NaN where not known.
    along : ndarray, shape (n,)
        Length up to each point.
    """
    known = np.isfinite(radius)
    if not known.any():
        return None
    fibre = float(np.median(radius[known]))
    thin = known & (radius <= _BEFORE * fibre)
    wide = np.flatnonzero(known & (radius > _WIDE * fibre))
    for run in np.split(wide, np.flatnonzero(np.diff(wide) > 1) + 1) if len(wide) else ():
        begin, widest = along[run[0]], int(run[radius[run].argmax()])
        most = float(radius[widest])
        diameter = 2 * most
        before = (along < begin) & (along >= begin - diameter)
        again = np.gradient(along)[thin & (along > begin)].sum()
        if (
            max(along[run[-1]] - begin, again) <= _THROUGH * diameter
            and along[-1] - begin <= _TO_END * diameter
            and thin[before].any()
        ):
            return Body(float(begin), widest, most, fibre)
    return None


def _is_round(volume: Volume, place: Values, body: Body) -> bool:
    """Whether it ends on nearly all sides, as no fibre does, and is as large as a body."""
    round_ = soma_radius(volume, place.tolist())
    return bool(round_ >= max(_ROUND * body.radius, _BODY * body.fibre))
