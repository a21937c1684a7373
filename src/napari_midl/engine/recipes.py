"""How a training learns: a recipe says what begins, what a step does and what counts as better.

The steps are small so that a method replaces the one in which it differs, as in nnU-Net's trainer
(Isensee et al., Nature Methods 2021).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from napari_midl.engine.dropout import drawing_from
from napari_midl.engine.train_state import TrainState

if TYPE_CHECKING:
    import numpy as np

Batch = tuple[Tensor, Tensor]
Draw = Callable[["np.random.Generator", int], Batch]
# A step says now and then what it is at, so that it can be paused, and returns its metrics.
Steps = Generator[str, None, dict[str, float]]
CLIP = 5.0


class Recipe(ABC):
    """What one training loop needs to know of a way to learn.

    Attributes
    ----------
    monitor : str
        The score that decides which weights are best and when to stop; empty for none.
    start_counts : bool
        Whether the weights before the first step may be the best, as of a network that is trained.
    """

    monitor = ""
    start_counts = False

    @abstractmethod
    def init(self, device: torch.device) -> TrainState:
        """The state before the first step, on a device; called in a thread of its own."""

    @abstractmethod
    def step(
        self, state: TrainState, rng: np.random.Generator, generator: torch.Generator
    ) -> Steps:
        """Learn once, changing the state; the averages are not its business.

        Parameters
        ----------
        state : TrainState
            Of this recipe.
        rng, generator : numpy.random.Generator, torch.Generator
            The only sources of randomness, seeded by the step; the second is on the device.

        Yields
        ------
        str
            What it is at, every few hundred milliseconds at least.

        Returns
        -------
        dict of str to float
            Metrics, such as ``loss``.
        """

    def rate(self, step: int) -> float:
        """By what the optimisers' first rates are multiplied at a step, counted from 0."""
        return 1.0

    def score(self, networks: Mapping[str, nn.Module]) -> Mapping[str, float]:
        """Scores on data that is not learnt from, at every look; higher is better."""
        return {}

    def preview(self, networks: Mapping[str, nn.Module]) -> Any:
        """Something to show at every look; it and `score` are called in a thread of their own."""
        return None


class Supervised(Recipe):
    """Inputs, outputs and targets: one network and one loss.

    Parameters
    ----------
    network : torch.nn.Module
        Trained in place, in the mode in which it comes, so that parts of it may be frozen.
    loss : callable
        Scalar loss of outputs and targets.
    learning_rate : float
        Rate of the first step.
    half_life : int
        Steps in which the rate halves.
    warm_up : int
        Steps in which the rate grows to its full height, before a trained network forgets
        what it knows.
    average : float
        Decay of the moving average of the weights, reached after a short warm-up.
    draw : callable, optional
        Makes a batch of inputs and targets from a generator, for a step counted from 0; not
        needed where a subclass has its own `batch`.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: Callable[[Any, Tensor], Tensor],
        learning_rate: float,
        half_life: int,
        average: float = 0.99,
        draw: Draw | None = None,
        warm_up: int = 0,
    ) -> None:
        self.network, self.loss, self.draw = network, loss, draw
        self.learning_rate, self.half_life, self.average = learning_rate, half_life, average
        self.warm_up = warm_up

    def init(self, device: torch.device) -> TrainState:
        """The network, its average and Adam."""
        layout = _layout(self.network)
        network = self.network.to(device).to(memory_format=layout)  # type: ignore[call-overload]
        return TrainState(
            {"network": network},
            {"adam": adam(network.parameters(), self.learning_rate)},
            {"network": averaged(network, self.average)},
        )

    def rate(self, step: int) -> float:
        """Grows for `warm_up` steps, and halves every `half_life`."""
        warm = min(1.0, (step + 1) / self.warm_up) if self.warm_up else 1.0
        return float(warm * 0.5 ** (step / self.half_life))

    def batch(self, rng: np.random.Generator, step: int) -> Generator[str, None, Batch]:
        """What a step learns from; to be replaced where drawing it takes long."""
        yield from ()
        assert self.draw is not None
        return self.draw(rng, step)

    def cost(self, outputs: Any, targets: Tensor, step: int) -> Tensor:
        """The loss; to be replaced where it changes from one step to the next."""
        return self.loss(outputs, targets)

    def step(
        self, state: TrainState, rng: np.random.Generator, generator: torch.Generator
    ) -> Steps:
        """One step down the loss of one batch."""
        network = state.networks["network"]
        inputs, targets = yield from self.batch(rng, state.step)
        inputs = inputs.to(generator.device)
        if inputs.ndim == 5:  # else it is no volume, whatever the network makes of it
            inputs = inputs.contiguous(memory_format=_layout(network))
        with drawing_from(network, generator):
            loss = self.cost(network(inputs), targets.to(generator.device), state.step)
        descend(state.optimisers["adam"], loss)
        return {"loss": float(loss.detach())}


def adam(
    parameters: Iterable[Tensor], rate: float, momentum: float = 0.9, weight_decay: float = 0.0
) -> torch.optim.Adam:
    """Adam over the parameters that learn, at a first rate that the recipe's factor goes on."""
    groups = [{"params": [p for p in parameters if p.requires_grad], "initial_lr": rate}]
    return torch.optim.Adam(groups, rate, (momentum, 0.999), weight_decay=weight_decay)


def descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step of an optimiser, its gradient clipped to a norm of 5."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_([p for g in optimiser.param_groups for p in g["params"]], CLIP)
    optimiser.step()


def averaged(network: nn.Module, decay: float) -> AveragedModel:
    """A moving average of a network that forgets fast at first: the start knows nothing."""

    def mean(before: Tensor, new: Tensor, steps: Tensor | int) -> Tensor:
        if not before.is_floating_point():
            return new
        return torch.lerp(before, new, 1 - min(decay, int(steps) / (9 + int(steps))))

    average = AveragedModel(network, avg_fn=mean, use_buffers=True)
    average.module.requires_grad_(False)
    # From 1: torch would take the first weights as they are.
    average.n_averaged.fill_(1)
    return average


def _layout(network: nn.Module) -> torch.memory_format:
    """Channels last where there are 3D convolutions, which are about twice as fast so."""
    volumetric = any(isinstance(module, nn.Conv3d) for module in network.modules())
    return torch.channels_last_3d if volumetric else torch.contiguous_format
