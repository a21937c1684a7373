"""Agents that follow fibres of one image, all of them in one batch.

In 3D the agent looks at two planes through its heading and acts in both: the same policy,
learnt in two dimensions, serves three.
"""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from napari_midl.engine.devices import one_thread
from napari_midl.engine.jobs import Job, Progress
from napari_midl.errors import InputError
from napari_midl.methods.axons.environment import REMEMBERED, STRIDE
from napari_midl.methods.axons.network import Policy
from napari_midl.methods.axons.views import heading_frame, local_contrast, path_view, view_points

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_midl.methods.axons.network import Actor
    from napari_midl.methods.axons.pixels import Pixels

REPORT_EVERY = 16
LOST, ENDED = "end or lost", "end"
_OWN_PATH = 12
# So near to a border, in px, an agent leaves the image that heads out by such a share of its step;
# one that goes along the border, as on a fibre in the first slice of a stack, does not.
_BORDER, _OUTWARDS = 1.5, 0.5
# Of doubtful steps, which any trace may end with.
_A_FEW = 3
# Agents whose views are computed sooner by one thread than by several.
_FEW = 8


@dataclass
class Steps:
    """What one agent did.

    Parameters
    ----------
    points : list of ndarray
        Positions in isotropic px, from the seed on.
    uncertainty : list of float
        Probability of being off the fibre, at each position.
    why : str
        Why it ended; empty while it goes on.
    """

    points: list[NDArray[np.float32]] = field(default_factory=list)
    uncertainty: list[float] = field(default_factory=list)
    why: str = ""

    def sure_length(self) -> float:
        """Length weighted from 0.5, where it is sure, to -0.5, where it is surely off; in px."""
        if len(self.points) < 2:
            return 0.0
        strides = np.linalg.norm(np.diff(np.stack(self.points), axis=0), axis=1)
        return float(strides @ (0.5 - np.array(self.uncertainty[1:])))


class Tracker:
    """An actor over one image.

    Parameters
    ----------
    actor : Actor
        An actor that looks along its heading.
    pixels : Pixels
        The image.
    calibration : sequence of float
        Of the logistic that gives the probability of being off: the slope of the entropy, the
        shift, and the slope of what the actor says of having left the fibre, by default 0.

    Raises
    ------
    InputError
        If the actor looks along the image's axes; it knows its way only with its history.
    """

    def __init__(
        self, actor: Actor, pixels: Pixels, calibration: Sequence[float] = (1.0, 0.0)
    ) -> None:
        if actor.design.frame != "heading":
            raise InputError(
                "This model acts along the image's axes, as in the paper, and can only be "
                "trained and compared; trace with a compact one."
            )
        self.actor, self.pixels, self.calibration = actor.eval(), pixels, calibration

    def uncertainty(self, policy: Policy) -> Tensor:
        """Probability of being off the fibre, from the means over the planes."""
        slope, shift, *rest = self.calibration
        odds = slope * policy.entropy() + shift
        if rest:
            odds = odds + rest[0] * policy.stop
        return torch.sigmoid(odds.mean(-1))

    def look(
        self, positions: Tensor, headings: Tensor, widths: Tensor, path: Tensor | None = None
    ) -> tuple[Policy, Tensor]:
        """The policy in each plane through the heading.

        Parameters
        ----------
        positions, headings : Tensor, shape (A, ..., d)
            Isotropic px, and unit vectors.
        widths : Tensor, shape (A, ...)
            How many times wider than in training the fibre is; the views grow with it.
        path : Tensor, shape (A, ..., K, d), optional
            Where the agents came from, for those that see it.

        Returns
        -------
        policy : Policy, shape (A, ..., d - 1)
        frames : Tensor, shape (A, ..., d - 1, 2, d)
        """
        frames = heading_frame(headings)
        scaled = frames * widths[..., None, None, None]
        points = view_points(positions[..., None, :], scaled, self.actor.design.pitches)
        views = local_contrast(self.pixels.views(points))
        paths = self.actor.design.paths
        if paths:
            behind = positions[..., None, :][..., :0, :] if path is None else path
            behind = (behind - positions[..., None, :]) / widths[..., None, None]
            views = torch.cat([views, path_view(behind[..., None, :, :] @ frames.mT, paths)], -3)
        policy: Policy = self.actor(views)
        return policy, frames

    @torch.inference_mode()
    def headings(self, position: Tensor, width: float) -> tuple[list[Tensor], float]:
        """The two ways in which a fibre runs from a position, the surer first.

        Also the uncertainty of the surest look, which is high where there is no fibre.
        """
        ways = _all_ways(position.shape[-1])
        count = len(ways)
        # As one agent, for whom one crop is read.
        widths = torch.full((1, count), width)
        policy, _ = self.look(position.expand(1, count, -1), ways[None], widths)
        off = torch.sigmoid(policy.stop[0]).amax(-1)
        doubt = off + 0.02 * policy.entropy()[0].mean(-1)
        first = int(doubt.argmin())
        apart = ways @ ways[first] < -0.3
        second = int(torch.where(apart, doubt, math.inf).argmin())
        return [ways[first], ways[second]], float(self.uncertainty(policy).min())

    @torch.inference_mode()
    def heading_towards(
        self, positions: Tensor, goal: Tensor, widths: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The surest heading from each position among those towards a goal, and its uncertainty.

        Parameters
        ----------
        positions, goal : Tensor, shape (A, d) and (d,)
            Isotropic px.
        widths : Tensor, shape (A,)
            As of `look`.

        Returns
        -------
        headings : Tensor, shape (A, d)
            At most 60 degrees aside from the straight way.
        uncertainty : Tensor, shape (A,)
        """
        ways = _all_ways(positions.shape[-1])
        towards = F.normalize(goal - positions, dim=-1) @ ways.T >= 0.5
        place, way = towards.nonzero(as_tuple=True)
        policy, _ = self.look(positions[place], ways[way], widths[place])
        unsure = torch.full(towards.shape, math.inf)
        unsure[place, way] = self.uncertainty(policy)
        least, surest = unsure.min(1)
        return ways[surest], least

    @torch.inference_mode()
    def follow(
        self,
        seeds: Tensor,
        headings: Tensor,
        widths: Tensor,
        longest: float = math.inf,
        give_up: float = 0.5,
        gap: float = math.inf,
        remembers: bool = True,
    ) -> Iterator[list[Steps]]:
        """Follow fibres until each ends; yields what all have done every few steps.

        An agent stops at the border, on its own path, after `longest` px, or where the mean of
        its uncertainty over about `gap` px is above `give_up`. It sees its own path if it
        `remembers`, and is an actor that can. No trace ends in doubt: what is
        above `give_up` at its end is taken back.
        """
        taken = [Steps() for _ in seeds]
        alive = torch.arange(len(seeds))
        headings = F.normalize(headings, dim=-1)
        trail, doubts = seeds[:, None], torch.zeros(len(seeds), 0)
        window = max(1, round(min(gap, 1e6) / STRIDE))
        while len(alive):
            known = doubts.shape[1]
            with one_thread() if len(alive) <= _FEW else nullcontext():
                trail, headings, unsure, left = self._advance(trail, headings, widths, remembers)
                doubts = torch.cat([doubts, unsure], 1)
                reasons = torch.stack(
                    [
                        left,
                        _mean_of_last(doubts, window)[:, known:] > give_up,
                        _met_itself(trail, widths, known),
                        _lengths(trail)[:, known:] > longest,
                    ],
                    -1,
                )
            done = reasons.any(-1)
            ends = torch.where(done.any(-1), done.int().argmax(-1), REPORT_EVERY - 1)
            for k, (agent, end) in enumerate(zip(alive.tolist(), ends.tolist(), strict=True)):
                steps = taken[agent]
                steps.points.extend(trail[k, known : known + end + 1].numpy())
                steps.uncertainty.extend(doubts[k, known : known + end + 1].tolist())
                if done[k, end]:
                    _end(steps, int(reasons[k, end].int().argmax()), window, give_up)
            keep = ~done.any(-1)
            alive, widths, headings = alive[keep], widths[keep], headings[keep]
            trail, doubts = trail[keep], doubts[keep]
            self.pixels.keep(keep)
            yield taken

    def followed(self, message: str, *how: Any, **named: Any) -> Job[list[Steps]]:
        """What `follow` gives at its end, as a job that says a message meanwhile."""
        agents: list[Steps] = []
        for taken in self.follow(*how, **named):
            agents = taken
            yield Progress(0, 0, message)
        return agents

    def _advance(
        self, trail: Tensor, headings: Tensor, widths: Tensor, remembers: bool
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Go some steps on; the longer trail, the headings at its end, how unsure, who left."""
        places = list(trail[:, -REMEMBERED:].unbind(1))
        policies, steps = [], []
        for _ in range(REPORT_EVERY):
            path = torch.stack(places[-REMEMBERED:], 1)[:, :-1] if remembers else None
            policy, frames = self.look(places[-1], headings, widths, path)
            policies.append(policy)
            moves = policy.mean() * widths[:, None, None]
            # Never back: an agent in doubt would turn on the spot and follow its own way home.
            ahead = torch.maximum(moves[..., 0].mean(-1), widths)
            across = (moves[..., 1:] * frames[..., 1, :]).sum(-2)
            steps.append(ahead[:, None] * headings + across)
            places.append((places[-1] + steps[-1]).clamp(min=0).minimum(self.pixels.end))
            headings = F.normalize(places[-1] - places[max(-3, -len(places))], dim=-1)
        together = Policy(
            torch.stack([p.alpha for p in policies], 1),
            torch.stack([p.beta for p in policies], 1),
            torch.stack([p.stop for p in policies], 1),
        )
        trail = torch.cat([trail, torch.stack(places[-REPORT_EVERY:], 1)], 1)
        left = self._leaves(trail[:, -REPORT_EVERY - 1 : -1], torch.stack(steps, 1))
        return trail, headings, self.uncertainty(together), left

    def _leaves(self, places: Tensor, steps: Tensor) -> Tensor:
        """Whether each step from each place, both ``(..., d)``, leads out of the image."""
        outwards = _OUTWARDS * steps.norm(dim=-1, keepdim=True)
        reached = places + steps
        leaving = (reached < _BORDER) & (steps < -outwards)
        leaving |= (reached > self.pixels.end - _BORDER) & (steps > outwards)
        left: Tensor = (leaving & (self.pixels.end > 2 * _BORDER)).any(-1)
        return left


def _mean_of_last(values: Tensor, count: int) -> Tensor:
    """Mean of each value ``(A, n)`` and those before it, `count` in all; 0 where fewer are."""
    total = F.pad(values.cumsum(1, dtype=torch.float64), (1, 0))
    if values.shape[1] < count:
        return torch.zeros_like(values)
    return F.pad((total[:, count:] - total[:, :-count]) / count, (count - 1, 0))


def _lengths(trail: Tensor) -> Tensor:
    """Length of a trail up to the end of each of its steps, ``(A, n - 1)``."""
    strides: Tensor = trail.diff(dim=1).norm(dim=-1)
    return strides.cumsum(1)


def _met_itself(trail: Tensor, widths: Tensor, known: int) -> Tensor:
    """Whether the steps after the first `known` come upon an older part of the trail."""
    new = trail[:, known + 1 :]
    apart = torch.cdist(new, trail, compute_mode="donot_use_mm_for_euclid_dist")
    age = torch.arange(known + 1, trail.shape[1])[:, None] - torch.arange(trail.shape[1])
    return ((apart < widths[:, None, None]) & (age >= _OWN_PATH)).any(-1)


def _end(steps: Steps, reason: int, window: int, give_up: float) -> None:
    """Note why, and take back the doubtful end.

    It begins where, counted from there on, the doubt is most in excess of `give_up`: a doubtful
    step in a sure stretch is no end.
    """
    steps.why = ("border", LOST, "met itself", "longest")[reason]
    first = max(1, len(steps.points) - window)
    trust = np.cumsum(give_up - np.array([0.0, *steps.uncertainty[first:]]))
    sure = first + int(trust.argmax())
    doubtful = len(steps.points) - sure
    if doubtful > give_up * window:  # enough to give up, had the image gone on
        steps.why = LOST
    elif doubtful > _A_FEW and reason != 1:
        steps.why = ENDED
    del steps.points[sure:], steps.uncertainty[sure:]


def _all_ways(dimensions: int, count: int = 24) -> Tensor:
    """Unit vectors spread evenly over the circle, or over the sphere (a Fibonacci spiral)."""
    if dimensions == 2:
        angle = torch.arange(count) * (2 * math.pi / count)
        return torch.stack([torch.sin(angle), torch.cos(angle)], -1)
    index = torch.arange(4 * count) + 0.5
    z = 1 - index / (2 * count)
    angle = math.pi * (1 + math.sqrt(5)) * index
    ring = (1 - z.square()).sqrt()
    return torch.stack([z, ring * torch.sin(angle), ring * torch.cos(angle)], -1)
