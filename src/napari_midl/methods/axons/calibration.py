"""From the entropy of a policy to the probability of being off the fibre."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.optimize import minimize

from napari_midl.methods.axons.environment import ON_TRACK, TrackingEnvironment

if TYPE_CHECKING:
    from typing import Any

    from napari_midl.methods.axons.environment import Draw
    from napari_midl.methods.axons.network import Actor

IMAGES = 32


@torch.no_grad()
def calibrate(actor: Actor, draw: Draw, rounds: int = 4, seed: int = 10**6) -> list[float]:
    """Slope and shift of the logistic that turns entropy into the chance of being off.

    Fitted to agents that follow their policy on synthetic fibres not trained on; off means
    further than 3 px from the centreline.
    """
    environment = TrackingEnvironment(draw, actor.design, IMAGES, 4, astray=0.3)
    entropies, off = [], []
    for k in range(rounds):
        observed, _ = environment.reset(seed=seed + k)
        alive = torch.ones(environment.num_envs, dtype=torch.bool)
        for _ in range(30):
            policy = actor(observed["actor"])
            environment.expert()
            entropies.append(policy.entropy()[alive])
            off.append((environment.distance.flatten() > ON_TRACK)[alive])
            observed, _, ended, _, _ = environment.step(policy.mean())
            # Whoever is lost goes on and counts as off, as it would in an image.
            alive &= ~ended | (environment.distance.flatten() > ON_TRACK)
    entropy = torch.cat(entropies).double().numpy()
    target = torch.cat(off).double().numpy()

    def deviance(parameters: Any) -> float:
        z = parameters[0] * entropy + parameters[1]
        return float(np.mean(np.logaddexp(0, z) - target * z))

    fitted = minimize(deviance, (1.0, 0.0), method="Nelder-Mead").x
    return [float(v) for v in fitted]
