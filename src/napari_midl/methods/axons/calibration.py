"""From the entropy of a policy to the probability of being off the fibre."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.spatial import cKDTree
from scipy.special import logit

from napari_midl.methods.axons.environment import LOST, ON_TRACK
from napari_midl.methods.axons.pixels import Pixels
from napari_midl.methods.axons.tracing import ZOOMS
from napari_midl.methods.axons.tracker import Tracker, width_at

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from napari_midl.methods.axons.environment import Draw
    from napari_midl.methods.axons.network import Actor

IMAGES, ON, ASTRAY = 64, 4, 2
LONGEST = 150.0


def calibrate(actor: Actor, draw: Draw, images: int = IMAGES, seed: int = 10**6) -> list[float]:
    """Slope and shift of the logistic that turns entropy into the chance of being off.

    Fitted to what a tracker does on synthetic fibres not trained on, from seeds on the fibre and
    some beside it, until they are far from it; off means further than 3 px.
    """
    rng = np.random.default_rng(seed)
    looks = np.concatenate([_looks(actor, *draw(rng), rng) for _ in range(images)])
    entropy, off = looks.T

    def deviance(parameters: Any) -> float:
        z = parameters[0] * entropy + parameters[1]
        return float(np.mean(np.logaddexp(0, z) - off * z))

    fitted = minimize(deviance, (1.0, 0.0), method="Nelder-Mead").x
    return [float(v) for v in fitted]


def _looks(
    actor: Actor, image: NDArray[np.float32], line: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Entropy, and 1 where off, at each step of a few agents on one image."""
    pixels = Pixels(image, np.asarray, (1.0, 1.0), actor.design.averages)
    index = rng.integers(len(line), size=ON + ASTRAY)
    ahead = np.clip(index + rng.choice([-12, 12], len(index)), 0, len(line) - 1)
    spread = np.repeat([0.6, 6.0], [ON, ASTRAY])[:, None]
    starts = torch.from_numpy(line[index] + spread * rng.normal(size=(len(index), 2))).float()
    ways = torch.from_numpy(line[ahead] - line[index] + rng.normal(size=(len(index), 2))).float()
    seen = ZOOMS[:3]  # The last is for sharp bends alone.
    zooms = torch.tensor(seen).repeat(len(index) // len(seen))
    widths = zooms * torch.tensor([width_at(pixels, start) for start in starts])
    # Uncalibrated, the uncertainty is the logistic of the entropy.
    *_, taken = Tracker(actor, pixels).follow(starts, ways, widths, LONGEST, give_up=1.0)
    looks = []
    for steps in taken:
        distance, _ = cKDTree(line).query(np.stack(steps.points))
        # What an agent thinks further away is about another fibre, not about this one.
        near = np.logical_and.accumulate(distance < LOST)
        looks.append(np.stack([logit(steps.uncertainty), distance > ON_TRACK], 1)[near])
    return np.concatenate(looks)
