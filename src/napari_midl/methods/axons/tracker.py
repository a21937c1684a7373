"""Agents that follow fibres of one image, all of them in one batch.

In 3D the agent looks at two planes through its heading and acts in both: the same policy,
learnt in two dimensions, serves three.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from napari_midl.errors import InputError
from napari_midl.methods.axons.environment import STRIDE
from napari_midl.methods.axons.views import heading_frame, local_contrast, view_points

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_midl.methods.axons.network import Actor, Policy
    from napari_midl.methods.axons.pixels import Pixels

_OWN_PATH = 12
_BORDER = 1.5
_REPORT_EVERY = 8


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


class Tracker:
    """An actor over one image.

    Parameters
    ----------
    actor : Actor
        An actor that looks along its heading.
    pixels : Pixels
        The image.
    calibration : tuple of float
        Slope and shift of the logistic from entropy to the probability of being off.

    Raises
    ------
    InputError
        If the actor looks along the image's axes; it knows its way only with its history.
    """

    def __init__(
        self, actor: Actor, pixels: Pixels, calibration: tuple[float, float] = (1.0, 0.0)
    ) -> None:
        if actor.design.frame != "heading":
            raise InputError(
                "This model acts along the image's axes, as in the paper, and can only be "
                "trained and compared; trace with a compact one."
            )
        self.actor, self.pixels, self.calibration = actor.eval(), pixels, calibration

    def uncertainty(self, policy: Policy) -> Tensor:
        """Probability of being off the fibre, from the mean entropy over the planes."""
        slope, shift = self.calibration
        return torch.sigmoid(slope * policy.entropy().mean(-1) + shift)

    def look(self, positions: Tensor, headings: Tensor, widths: Tensor) -> tuple[Policy, Tensor]:
        """The policy in each plane through the heading.

        Parameters
        ----------
        positions, headings : Tensor, shape (A, d)
            Isotropic px, and unit vectors.
        widths : Tensor, shape (A,)
            How many times wider than in training the fibre is; the views grow with it.

        Returns
        -------
        policy : Policy, shape (A, d - 1)
        frames : Tensor, shape (A, d - 1, 2, d)
        """
        frames = heading_frame(headings)
        scaled = frames * widths[:, None, None, None]
        points = view_points(positions[:, None], scaled, self.actor.design.pitches)
        policy: Policy = self.actor(local_contrast(self.pixels.at(points)))
        return policy, frames

    @torch.inference_mode()
    def headings(self, position: Tensor, width: float) -> tuple[list[Tensor], float]:
        """The two ways in which a fibre runs from a position, the surer first.

        Also the uncertainty of the surest look, which is high where there is no fibre.
        """
        ways = _all_ways(position.shape[-1])
        count = len(ways)
        policy, _ = self.look(position.expand(count, -1), ways, torch.full((count,), width))
        off = torch.sigmoid(policy.stop).amax(-1)
        doubt = off + 0.02 * policy.entropy().mean(-1)
        first = int(doubt.argmin())
        apart = ways @ ways[first] < -0.3
        second = int(torch.where(apart, doubt, math.inf).argmin())
        return [ways[first], ways[second]], float(self.uncertainty(policy).min())

    @torch.inference_mode()
    def follow(
        self,
        seeds: Tensor,
        headings: Tensor,
        widths: Tensor,
        longest: float = math.inf,
        give_up: float = 0.5,
        gap: float = math.inf,
    ) -> Iterator[list[Steps]]:
        """Follow fibres until each ends; yields what all have done every few steps.

        An agent stops at the border, on its own path, after `longest` px, or where the mean of
        its uncertainty over about `gap` px is above `give_up`; that stretch is taken back.
        """
        taken = [Steps() for _ in seeds]
        alive = torch.arange(len(seeds))
        positions, headings, widths = seeds.clone(), F.normalize(headings, dim=-1), widths.clone()
        trail = positions[:, None, :]
        window = max(1, round(min(gap, 1e6) / STRIDE))
        doubts: list[Tensor] = []
        gone = torch.zeros(len(seeds))
        while len(alive):
            policy, frames = self.look(positions, headings, widths)
            moves = policy.mean() * widths[:, None, None]
            unsure = self.uncertainty(policy)
            for i, point, u in zip(alive.tolist(), positions.numpy(), unsure.tolist(), strict=True):
                taken[i].points.append(point)
                taken[i].uncertainty.append(u)
            # Never back: an agent in doubt would turn on the spot and follow its own way home.
            ahead = torch.maximum(moves[..., 0].mean(-1), widths)
            forward = ahead[:, None] * frames[:, 0, 0]
            positions = positions + forward + (moves[..., 1:] * frames[..., 1, :]).sum(-2)
            way = positions - trail[:, max(-2, -trail.shape[1])]
            headings = F.normalize(way, dim=-1)
            trail = torch.cat([trail, positions[:, None]], 1)
            stride = (positions - trail[:, -2]).norm(dim=-1)
            gone = gone + stride
            doubts = [*doubts, unsure][-window:]
            lost = torch.stack(doubts).mean(0) > give_up
            lost &= len(doubts) == window
            leaving = (positions < _BORDER) & (headings < 0)
            leaving |= (positions > self.pixels.end - _BORDER) & (headings > 0)
            outside = (leaving & (self.pixels.end > 2 * _BORDER)).any(-1)
            old = trail[:, :-_OWN_PATH]
            met = ((old - positions[:, None]).norm(dim=-1) < widths[:, None]).any(-1)
            done = lost | outside | met | (gone > longest)
            if done.any():
                reasons = torch.stack([outside, lost, met, gone > longest], -1).int().argmax(-1)
                for k in torch.nonzero(done)[:, 0].tolist():
                    _end(taken[int(alive[k])], int(reasons[k]), window, give_up)
                keep = ~done
                alive, positions, headings = alive[keep], positions[keep], headings[keep]
                widths, trail, gone = widths[keep], trail[keep], gone[keep]
                doubts = [doubt[keep] for doubt in doubts]
                self.pixels.keep(keep)
            if not len(alive) or trail.shape[1] % _REPORT_EVERY == 0:
                yield taken


def width_at(pixels: Pixels, position: Tensor) -> float:
    """How many times wider than in training the fibre at a position is.

    The scale of the strongest ridge there, by scikit-image, over the widest trained with.
    """
    from skimage.filters import sato

    block = pixels.around(position, 24)
    flat = block.max(0) if block.ndim == 3 else block
    centre = tuple(n // 2 for n in flat.shape)
    near = tuple(slice(max(0, c - 2), c + 3) for c in centre)
    scales = (1.5, 2.5, 4.0, 6.0, 9.0)
    strength = [
        float(sato(flat, sigmas=[s], black_ridges=False, mode="reflect")[near].max())
        for s in scales
    ]
    return max(1.0, scales[int(np.argmax(strength))] / 2.5)


def _end(steps: Steps, reason: int, window: int, give_up: float) -> None:
    """Note why, and take back what one that is lost did since it first was in doubt."""
    steps.why = ("border", "end or lost", "met itself", "longest")[reason]
    if reason == 1:
        begin = max(1, len(steps.points) - window)
        while steps.uncertainty[begin] <= give_up:
            begin += 1
        del steps.points[begin:], steps.uncertainty[begin:]


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
