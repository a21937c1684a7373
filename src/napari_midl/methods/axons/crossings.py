"""Going on where an agent is lost: several ways at once, until one of them wins.

At a crossing of fibres as bright as each other, or in a gap, one agent sees several ways. Here a
fan of agents tries them, and each sends one back: a way counts if the way back leads home.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

from napari_midl.methods.axons.environment import STRIDE
from napari_midl.methods.axons.views import heading_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from napari_midl.engine.jobs import Job
    from napari_midl.methods.axons.tracker import Steps, Tracker

# The fan: how many steps before the end it begins, how far its agents turn aside, in degrees, and
# how much wider they look.
FROM, TURNS, LOOKS = (0, 4, 8, 12), (0.0, 25.0, -25.0), (0.67, 1.0, 1.5)
# Steps that each goes on, after which of these one is sent back, and how many more that goes.
AHEAD, BACK, MORE = 20, 12, 8
# A way counts where its last half is so sure, and leads so near to home, in widths. Of several the
# surest counts, where a right angle aside is as bad as so much doubt. On synthetic nets this
# covered most without going astray more often.
SURE, HOME, ASIDE = 0.25, 2.5, 0.4
# Ways that part by so many widths are two.
APART = 6.0
LOOKING = "looking for a way on"


@dataclass(frozen=True)
class Way:
    """One way on.

    Parameters
    ----------
    begin : int
        Index into the trail, from where it goes.
    steps : Steps
        From there on; as far as its way back was followed.
    zoom : float
        How much wider than the fibre asks it looks.
    cost : float
        Its doubt and its turn; the less the better.
    """

    begin: int
    steps: Steps
    zoom: float
    cost: float


@torch.inference_mode()
def ways_on(tracker: Tracker, trail: Tensor, width: float) -> Job[list[Way]]:
    """Find the ways on from the end of a trail that are sure and lead back to it.

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
    begins = [max(1, len(trail) - 1 - before) for before in FROM]
    headings = torch.stack([trail[k] - trail[max(0, k - 3)] for k in begins])
    fans = torch.stack([fan(heading, TURNS) for heading in F.normalize(headings, dim=-1)])
    begin = torch.tensor(begins).repeat_interleave(fans.shape[1]).repeat(len(LOOKS))
    aims = fans.flatten(0, 1).repeat(len(LOOKS), 1)
    turns = torch.tensor(TURNS).abs().repeat(len(aims) // len(TURNS))
    zooms = torch.tensor(LOOKS).repeat_interleave(len(aims) // len(LOOKS))
    reach = STRIDE * width
    ahead = yield from tracker.followed(
        LOOKING, trail[begin], aims, zooms * width, AHEAD * reach, give_up=1.0
    )
    sure = [k for k, s in enumerate(ahead) if len(s.points) > BACK and _doubt(s) < SURE]
    if not sure:
        return []
    turned = torch.stack([torch.from_numpy(ahead[k].points[BACK]) for k in sure])
    before = torch.stack([torch.from_numpy(ahead[k].points[BACK - 2]) for k in sure])
    long = (BACK + MORE) * reach
    back = yield from tracker.followed(
        LOOKING, turned, before - turned, zooms[sure] * width, long, give_up=1.0
    )
    ways = []
    for k, home in zip(sure, back, strict=True):
        ends = torch.stack([torch.from_numpy(p) for p in home.points[-4:]])
        away = float(torch.cdist(ends, trail[: int(begin[k]) + 1]).amin(1).mean()) / width
        if away < HOME:
            steps = ahead[k]
            cost = _doubt(steps) + ASIDE * float(turns[k]) / 90
            steps.points, steps.uncertainty = steps.points[:BACK], steps.uncertainty[:BACK]
            ways.append(Way(int(begin[k]), steps, float(zooms[k]), cost))
    return sorted(ways, key=lambda way: way.cost)


def other_ways(ways: list[Way], width: float) -> list[Way]:
    """Those of the ways, the best first, that lead elsewhere than all better ones."""
    found: list[Way] = []
    for way in ways:
        if all(_apart(way, known) > APART * width for known in found):
            found.append(way)
    return found


def _apart(one: Way, other: Way) -> float:
    """How far the end of one way is from the other, which may be longer or shorter."""
    a, b = (torch.from_numpy(np.stack(way.steps.points)) for way in (one, other))
    return float(torch.minimum(torch.cdist(a[-1:], b).min(), torch.cdist(b[-1:], a).min()))


def _doubt(steps: Steps) -> float:
    """Mean uncertainty of the last half."""
    last = steps.uncertainty[len(steps.uncertainty) // 2 :]
    return sum(last) / len(last)


def fan(heading: Tensor, turns: Sequence[float]) -> Tensor:
    """Unit vectors that turn from a heading by so many degrees, in each plane through it."""
    (frames,) = heading_frame(heading[None])
    angles = torch.tensor(turns).deg2rad()[:, None]
    return torch.cat([angles.cos() * f[0] + angles.sin() * f[1] for f in frames])
