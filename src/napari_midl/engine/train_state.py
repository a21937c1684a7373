"""The whole truth of a training between two steps: what a checkpoint has to keep."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch.optim.swa_utils import AveragedModel

_FACTS = ("step", "seconds", "history", "recent", "best_score", "best_step", "looks_since")


class Stateful(Protocol):
    """What a training draws from and what remembers what was drawn, as tensors."""

    def state_dict(self) -> dict[str, Any]:
        """What it remembers."""

    def load_state_dict(self, state: Mapping[str, Any], /) -> object:
        """Remember that again."""


@dataclass
class TrainState:
    """Everything that the steps of a training change; the names hold no dot.

    Parameters
    ----------
    networks : dict of str to torch.nn.Module
        What is trained.
    optimisers : dict of str to torch.optim.Optimizer
        What trains them. Each group's ``initial_lr`` is its rate before the recipe's factor.
    averaged : dict of str to AveragedModel
        Moving averages of some of the networks, by the same names.
    draws : dict of str to Stateful
        What else lives on from one step to the next, such as a pool of older images.
    step : int
        Steps taken.
    seconds : float
        Time spent on them; a pause does not count.
    history : list of dict
        Each look: ``step``, ``seconds``, the mean of each metric since the last, and the scores.
    recent : dict of str to list of float
        The metrics of each step since the last look.
    best : dict of str to dict of str to Tensor
        Weights of the best look; empty before there was one.
    best_score : float
        Its score.
    best_step : int
        Steps taken before it.
    looks_since : int
        Looks without a better one.
    """

    networks: dict[str, nn.Module]
    optimisers: dict[str, torch.optim.Optimizer]
    averaged: dict[str, AveragedModel] = field(default_factory=dict)
    draws: dict[str, Stateful] = field(default_factory=dict)
    step: int = 0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    recent: dict[str, list[float]] = field(default_factory=dict)
    best: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    best_score: float = -math.inf
    best_step: int = 0
    looks_since: int = 0

    def current(self) -> dict[str, nn.Module]:
        """Each network as it is to be used: its average, where there is one."""
        return {
            name: self.averaged[name].module if name in self.averaged else network
            for name, network in self.networks.items()
        }

    def consider(self, score: float, counts: bool = True) -> None:
        """Keep the current weights if no look had a better score; of equals the later one.

        Parameters
        ----------
        score : float
            Theirs.
        counts : bool
            Whether it is one more look without a better one, if it is none.
        """
        if score > self.best_score:
            self.looks_since = 0
        elif counts:
            self.looks_since += 1
        if score >= self.best_score:
            self.best_score, self.best_step = score, self.step
            self.best = {
                name: {key: value.clone() for key, value in network.state_dict().items()}
                for name, network in self.current().items()
            }

    def result(self) -> dict[str, nn.Module]:
        """The networks with the best weights, or the current ones if nothing was scored."""
        networks = self.current()
        for name, weights in self.best.items():
            networks[name].load_state_dict(weights)
        return networks

    def facts(self) -> dict[str, Any]:
        """All that is no tensor, as plain JSON values."""
        return {name: getattr(self, name) for name in _FACTS}

    def tensors(self) -> dict[str, Tensor]:
        """All tensors, each a copy in the memory of the computer."""
        found = {
            f"{prefix}.{key}": value
            for prefix, part in self._parts().items()
            for key, value in part.state_dict().items()
        }
        for name, weights in self.best.items():
            found |= {f"best.{name}.{key}": value for key, value in weights.items()}
        for name, optimiser in self.optimisers.items():
            for index, values in optimiser.state_dict()["state"].items():
                found |= {f"optimiser.{name}.{index}.{k}": v for k, v in values.items()}
        return {key: value.detach().cpu().contiguous().clone() for key, value in found.items()}

    def restore(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Become what `tensors` and `facts` told of; the tensors are copied.

        Raises
        ------
        RuntimeError, KeyError, ValueError
            If they are of other networks.
        """
        for prefix, part in self._parts().items():
            part.load_state_dict(_under(prefix, tensors))
        best = {name: _under(f"best.{name}", tensors) for name in self.networks}
        self.best = {
            name: {key: value.clone() for key, value in weights.items()}
            for name, weights in best.items()
            if weights
        }
        for name, optimiser in self.optimisers.items():
            _restore_optimiser(optimiser, _under(f"optimiser.{name}", tensors))
        for name in _FACTS:
            setattr(self, name, facts[name])

    def _parts(self) -> dict[str, Stateful]:
        groups: dict[str, Mapping[str, Stateful]] = {
            "network": self.networks,
            "averaged": self.averaged,
            "draws": self.draws,
        }
        return {
            f"{kind}.{name}": part for kind, parts in groups.items() for name, part in parts.items()
        }


def _restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put its state back, each tensor laid out in memory as the parameter that it belongs to."""
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split(".")
        parameter = parameters[int(index)]
        alike = tensor.shape == parameter.shape
        copied = torch.empty_like(parameter).copy_(tensor) if alike else tensor.clone()
        state.setdefault(int(index), {})[key] = copied.detach()
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of one part, by their names within it."""
    start = f"{prefix}."
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
