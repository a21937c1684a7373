"""Drawing a rough line to the middle of its fibre, by what the agent would do along it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from scipy import ndimage

from napari_midl.engine.jobs import Job, Progress

if TYPE_CHECKING:
    from torch import Tensor

    from napari_midl.methods.axons.tracker import Tracker

# How far apart the points of a line are best, in px.
SPACING = 3
_ROUNDS = 2
# Where the way is known, views half as wide find the middle best, on synthetic images too.
_NARROW = 0.5
# So many points lie so near to each other that what is about them is read once.
_SHORT = 16


def centred(tracker: Tracker, line: Tensor, width: float) -> Job[tuple[Tensor, Tensor]]:
    """A line drawn to the middle of its fibre, and its uncertainty.

    Parameters
    ----------
    tracker : Tracker
        Over the image.
    line : Tensor, shape (n, d)
        Positions in isotropic px, about `SPACING` apart; the first and the last stay.
    width : float
        How many times wider than in training the fibre is.

    Returns
    -------
    points : Tensor, shape (n, d)
    uncertainty : Tensor, shape (n,)
        Both returned by the generator.
    """
    points = line
    for _ in range(_ROUNDS):
        moves, _ = yield from look_along(tracker, points, _NARROW * width)
        # Where the agent would go from one point lies beside the next.
        aim = torch.cat([line[:1], (points + moves)[:-2], line[-1:]])
        smooth = ndimage.gaussian_filter1d(aim.numpy(), 0.7, axis=0, mode="nearest")
        points = torch.cat([aim[:1], torch.from_numpy(smooth)[1:-1], aim[-1:]])
    _, unsure = yield from look_along(tracker, points, width)
    return points, unsure


def look_along(tracker: Tracker, points: Tensor, width: float) -> Job[tuple[Tensor, Tensor]]:
    """Where the agent would go from each point of a line, and how unsure it is there."""
    headings = _headings(points)
    moves, unsure = [], []
    for some in torch.arange(len(points)).split(tracker.pixels.most_agents):
        yield Progress(int(some[0]), len(points), "looking along it")
        with torch.inference_mode():
            here, ways = points[some], headings[some]
            if len(points) <= _SHORT:
                here, ways = here[None], ways[None]
            widths = torch.full(here.shape[:-1], width)
            policy, frames = tracker.look(here, ways, widths)
            move = policy.mean() * width
            along = (move[..., :1] * frames[..., 0, :]).mean(-2)
            aside = (move[..., 1:] * frames[..., 1, :]).sum(-2)
            moves.append((along + aside).flatten(0, -2))
            unsure.append(tracker.uncertainty(policy).flatten())
    return torch.cat(moves), torch.cat(unsure)


def _headings(points: Tensor) -> Tensor:
    """Heading at each point of a line: towards the next one."""
    if len(points) < 2:
        return torch.eye(points.shape[1])[:1]
    ahead = torch.cat([points[1:], 2 * points[-1:] - points[-2:-1]])
    return torch.nn.functional.normalize(ahead - points, dim=-1)
