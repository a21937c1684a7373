"""Going on where an agent is lost: agents set out from fibres ahead and come towards it.

At a sharp bend, or where a fibre is faintest, an agent that comes from the other side may see what
one from this side does not.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

from napari_midl.methods.axons.crossings import ASIDE, FROM, LOOKING, Way, fan
from napari_midl.methods.axons.environment import STRIDE
from napari_midl.methods.axons.tracker import Steps

if TYPE_CHECKING:
    from torch import Tensor

    from napari_midl.engine.jobs import Job
    from napari_midl.methods.axons.tracker import Tracker

# Where agents set out: so many degrees aside, so many steps ahead, with views so much wider, and
# where they are no more unsure than this.
_TURNS, _AHEAD, _LOOKS, _SEEN = tuple(range(-75, 76, 15)), (6, 10, 14, 20), (1.0, 1.5), 0.4
# One has come home that is so near to the trail, in widths, after so many steps at least, on
# average no more unsure than this, if the trail turns by no more degrees to meet it.
_HOME, _LEAST, _SURE, _TURN = 1.5, 6, 0.25, 100.0
# How far they go, in times the distance.
_DETOUR = 1.6


@torch.inference_mode()
def ways_home(tracker: Tracker, trail: Tensor, width: float) -> Job[list[Way]]:
    """Find the ways on from the end of a trail by which agents from ahead come to it.

    Parameters
    ----------
    tracker : Tracker
        Over the image.
    trail : Tensor, shape (n, d)
        Positions in isotropic px, at least two.
    width : float
        How many times wider than in training the fibre is.

    Returns
    -------
    list of Way
        The best first; returned by the generator.
    """
    reach = STRIDE * width
    heading = F.normalize(trail[-1] - trail[max(0, len(trail) - 4)], dim=-1)
    aims = fan(heading, _TURNS)
    places = torch.cat([trail[-1] + steps * reach * aims for steps in _AHEAD])
    places = places[((places >= 0) & (places <= tracker.pixels.end)).all(-1)]
    if not len(places):
        return []
    widths = width * torch.tensor(_LOOKS).repeat_interleave(len(places))
    places = places.repeat(len(_LOOKS), 1)
    headings, unsure = tracker.heading_towards(places, trail[-1], widths)
    seen = unsure < _SEEN
    if not seen.any():
        return []
    longest = _DETOUR * max(_AHEAD) * reach
    starts, widths = places[seen], widths[seen]
    taken = yield from tracker.followed(
        LOOKING, starts, headings[seen], widths, longest, give_up=1.0
    )
    ways = [_way(steps, trail, width, float(w)) for steps, w in zip(taken, widths, strict=True)]
    return sorted((way for way in ways if way), key=lambda way: way.cost)


def _way(steps: Steps, trail: Tensor, width: float, seen: float) -> Way | None:
    """The way of an agent up to the last part of a trail, turned round; None if it missed it."""
    points = torch.from_numpy(np.stack(steps.points))
    last = max(1, len(trail) - 1 - max(FROM))
    apart = torch.cdist(points, trail[last:])
    home = torch.nonzero((apart < _HOME * width).any(1))[:, 0]
    if not len(home) or home[0] < _LEAST:
        return None
    count = int(home[0])
    begin = last + int(apart[count].argmin())
    unsure = steps.uncertainty[:count][::-1]
    way = torch.cat([trail[begin : begin + 1], points[:count].flip(0)])
    before = trail[begin] - trail[max(0, begin - 3)]
    turn = math.degrees(math.acos(F.cosine_similarity(way[3] - way[0], before, dim=0).clamp(-1, 1)))
    doubt = sum(unsure) / count
    if doubt > _SURE or turn > _TURN:
        return None
    found = Steps(list(way.numpy()), [0.0, *unsure])
    return Way(begin, found, seen / width, doubt + ASIDE * turn / 90)
