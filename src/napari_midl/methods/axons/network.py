"""The actor and the critic, as the paper draws them, and the compact actor that ships.

Dai et al., MIDL 2019, section 3.2, figure 2 and tables 3 and 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn
from torch.distributions import Beta
from torch.nn import functional as F

from napari_midl.engine.models import preset_of
from napari_midl.methods.axons.views import VIEW

if TYPE_CHECKING:
    import numpy as np

REACH = 4.0


@dataclass(frozen=True)
class Design:
    """What an agent sees and how it acts.

    Parameters
    ----------
    frame : {"image", "heading"}
        Views and actions along the image's axes, as in the paper, or along the heading;
        the second needs no training for each direction, and works in 3D.
    pitches : tuple of float
        Pixel distance of each view, in px.
    averaged : bool
        A view's pixel is the mean of the image about it, as wide as the view's pitch, and not
        the intensity at its middle: distant views then show fibres through the noise.
    paths : tuple of float
        Pixel distance of each view that shows the historical path, in px.
    moments : int
        How many time steps are stacked.
    stop : bool
        The actor also says how probable it is that it has left the fibre or come to its end.
    """

    frame: Literal["image", "heading"]
    pitches: tuple[float, ...]
    averaged: bool
    paths: tuple[float, ...]
    moments: int
    stop: bool

    @property
    def channels(self) -> int:
        """Input channels of the actor."""
        return (len(self.pitches) + len(self.paths)) * self.moments

    @property
    def averages(self) -> tuple[float, ...]:
        """Over how many px each view averages."""
        return self.pitches if self.averaged else (1.0,) * len(self.pitches)


_COMPACT = Design(
    "heading", (1.0, 2.0, 4.0, 8.0, 16.0), averaged=True, paths=(), moments=1, stop=True
)
DESIGNS = {
    "paper": Design("image", (1.0, 2.0), averaged=False, paths=(1.0,), moments=4, stop=False),
    "compact": _COMPACT,
    "compact-path": replace(_COMPACT, paths=(2.0, 4.0, 8.0)),
}


@dataclass
class Policy:
    """Two independent beta distributions over the displacement, for each agent.

    Parameters
    ----------
    alpha, beta : Tensor, shape (..., 2)
        Parameters, all above 1, so that each distribution has one peak.
    stop : Tensor, shape (...)
        Logit of being off the fibre or at its end; minus infinity if the actor tells nothing.
    """

    alpha: Tensor
    beta: Tensor
    stop: Tensor

    @property
    def distribution(self) -> Beta:
        """Over the unit interval; `REACH` maps it to pixels."""
        return Beta(self.alpha, self.beta)

    def mean(self) -> Tensor:
        """The displacement followed when tracing, in [-4, 4] px."""
        return to_pixels(self.alpha / (self.alpha + self.beta))

    def entropy(self) -> Tensor:
        """Differential entropy of the two together, at most 0 (section 4.2, note 12)."""
        a, b = self.alpha, self.beta
        both = a + b
        log_beta = torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(both)
        spread = (both - 2) * torch.digamma(both)
        return (log_beta + spread - (a - 1) * torch.digamma(a) - (b - 1) * torch.digamma(b)).sum(-1)

    def log_prob(self, displacement: Tensor) -> Tensor:
        """Log-density of a displacement in px, measured on the unit square."""
        unit = (displacement / REACH + 1) / 2
        inside = unit.clamp(1e-3, 1 - 1e-3)
        density: Tensor = self.distribution.log_prob(inside)
        return density.sum(-1)

    def sample(self, rng: np.random.Generator) -> Tensor:
        """A random displacement, in px."""
        # By numpy: torch's distributions know no generator but that of the process.
        unit = rng.beta(*(p.detach().cpu().numpy() for p in (self.alpha, self.beta)))
        return to_pixels(torch.from_numpy(unit).to(self.alpha))


def to_pixels(unit: Tensor) -> Tensor:
    """Map [0, 1] to [-4, 4] px."""
    return (2 * unit - 1) * REACH


class Actor(nn.Module):
    """Views to a `Policy`.

    Parameters
    ----------
    design : Design
        Inputs and outputs.
    """

    def __init__(self, design: Design) -> None:
        super().__init__()
        self.design = design
        outputs = 5 if design.stop else 4
        if design.stop:
            self.body = nn.Sequential(
                nn.Conv2d(design.channels, 32, 3), nn.ReLU(),
                nn.Conv2d(32, 32, 3), nn.ReLU(),
                nn.Conv2d(32, 48, 3, stride=2), nn.ReLU(), nn.Flatten(),
                nn.Linear(48 * 9, 128), nn.ReLU(), nn.Linear(128, outputs),
            )  # fmt: skip
        else:
            self.body = _paper_body(design.channels, outputs)

    def forward(self, views: Tensor) -> Policy:
        """Policy ``(...)`` for views ``(..., C, 11, 11)``."""
        lead = views.shape[:-3]
        raw = self.body(views.reshape(-1, *views.shape[-3:])).reshape(*lead, -1)
        shape = 1 + F.softplus(raw[..., :4])
        stop = raw[..., 4] if self.design.stop else torch.full(lead, -math.inf)
        return Policy(shape[..., :2], shape[..., 2:4], stop)


class Critic(nn.Module):
    """The value of a state whose views also show the true centreline (table 4)."""

    def __init__(self, design: Design) -> None:
        super().__init__()
        self.body = _paper_body(design.channels + design.moments, 1)

    def forward(self, views: Tensor) -> Tensor:
        """Values ``(...)`` for views ``(..., C + moments, 11, 11)``."""
        value: Tensor = self.body(views.reshape(-1, *views.shape[-3:]))
        return value.reshape(views.shape[:-3])


def _paper_body(inputs: int, outputs: int) -> nn.Sequential:
    # The tables give padding 1 to a layer from 11 x 11 to 13 x 13; only 2 does that.
    return nn.Sequential(
        nn.Conv2d(inputs, 32, 5, padding=2), nn.ReLU(),
        nn.Conv2d(32, 32, 3, padding=2), nn.ReLU(), nn.Flatten(),
        nn.Linear(32 * (VIEW + 2) ** 2, 512), nn.ReLU(), nn.Linear(512, outputs),
    )  # fmt: skip


def build_actor(preset: str) -> Actor:
    """A fresh actor of a preset, such as ``compact-path``."""
    return Actor(preset_of(DESIGNS, preset))
