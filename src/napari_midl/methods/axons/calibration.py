"""From what a policy tells to the probability of being off the fibre."""

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
from napari_midl.methods.axons.tracker import Tracker
from napari_midl.methods.axons.widths import width_at

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from napari_midl.methods.axons.environment import Draw
    from napari_midl.methods.axons.network import Actor
    from napari_midl.methods.axons.synthetic import Scene

IMAGES, ON, ASTRAY, ELSEWHERE = 96, 5, 2, 2
LONGEST = 150.0
_SEED = 10**6  # far from those of trainings


def calibrate(actor: Actor, draw: Draw) -> list[float]:
    """The logistic that turns what a policy tells into the chance of being off, see `Tracker`.

    Fitted to what a tracker does on synthetic images not trained on, from seeds on the fibre,
    beside it and far from any: on and behind the ends of fibres, in empty ground, along rims
    and edges. Off means further than 3 px.
    """
    rng = np.random.default_rng(_SEED)
    looks = np.concatenate([_looks(actor, draw(rng), rng) for _ in range(IMAGES)])
    entropy, stop, off = looks.T

    def deviance(parameters: Any) -> float:
        z = parameters[0] * entropy + parameters[1] + parameters[2] * stop
        return float(np.mean(np.logaddexp(0, z) - off * z))

    begin = (1.0, 0.0, 1.0 if stop.any() else 0.0)
    fitted = minimize(deviance, begin, method="Nelder-Mead", options={"maxiter": 2000}).x
    return [float(v) for v in fitted]


def _looks(actor: Actor, scene: Scene, rng: np.random.Generator) -> NDArray[np.float64]:
    """Entropy, logit of having left, and 1 where off, at each known step of a few agents."""
    pixels = Pixels(scene.image, np.asarray, (1.0, 1.0), actor.design.averages)
    starts, ways = _begin(scene, rng)
    seen = ZOOMS[:3]  # The last is for sharp bends alone.
    zooms = torch.tensor(seen).repeat(len(starts) // len(seen))
    widths = zooms * torch.tensor([width_at(pixels, start) for start in starts])
    told = []
    # Each part alone, by trackers whose uncertainty is the logistic of it.
    for parts in ((1.0, 0.0), (0.0, 0.0, 1.0)):
        *_, taken = Tracker(actor, pixels, parts).follow(starts, ways, widths, LONGEST, give_up=1.0)
        told.append([logit(np.clip(steps.uncertainty, 1e-6, 1 - 1e-6)) for steps in taken])
    looks = []
    for steps, entropy, stop in zip(taken, *told, strict=True):
        points = np.stack(steps.points)
        distance, _ = cKDTree(scene.line).query(points)
        # What an agent thinks further away is about another fibre, unless there is none.
        near = np.logical_and.accumulate(distance < LOST)
        y, x = np.rint(points).astype(int).T.clip(0, len(scene.image) - 1)
        empty = scene.empty[y, x]
        off = (distance > ON_TRACK) | empty
        looks.append(np.stack([entropy, stop, off], 1)[near | empty])
    return np.concatenate(looks)


def _begin(scene: Scene, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Places on the fibre, beside it, and where there is none; and ways to go from there."""
    size = len(scene.image)
    inside = np.flatnonzero(((scene.line >= 0) & (scene.line <= size - 1)).all(axis=1))
    index = rng.choice(inside, ON + ASTRAY + ELSEWHERE)
    ahead = np.clip(index + rng.choice([-12, 12], len(index)), 0, len(scene.line) - 1)
    spread = np.repeat([0.6, 6.0, 6.0], [ON, ASTRAY, ELSEWHERE])[:, None]
    starts = scene.line[index] + spread * rng.normal(size=(len(index), 2))
    ways = scene.line[ahead] - scene.line[index] + rng.normal(size=(len(index), 2))
    empty = np.argwhere(scene.empty)
    if len(empty):
        starts[-ELSEWHERE:] = empty[rng.integers(len(empty), size=ELSEWHERE)]
        ways[-ELSEWHERE:] = rng.normal(size=(ELSEWHERE, 2))
    order = rng.permutation(len(starts))
    return torch.from_numpy(starts[order]).float(), torch.from_numpy(ways[order]).float()
