"""The training loop that every method uses: Adam, a moving average, held-out scores.

Step ``n`` draws its batch from a generator seeded with ``(seed, n)``, so that a training
that was stopped and goes on from its checkpoint takes the same steps as one that was not.
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from napari_midl.engine.devices import out_of_memory_as_exception
from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from napari_midl.engine.checkpoints import Checkpoint
    from napari_midl.engine.settings import Settings

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Schedule:
    """When to stop, and how fast to learn.

    Parameters
    ----------
    minutes : float
        Longest time to train.
    steps : int
        Most steps; 0 means that only the time counts.
    learning_rate : float
        Rate of the first step.
    half_life : int
        Steps in which the rate halves.
    seed : int
        Seed of everything drawn at random.
    average : float
        Decay of the moving average of the weights, reached after a short warm-up.
    evaluate_every : int
        Steps between two looks at the held-out score.
    patience : int
        Looks without a better score after which training stops.
    momentum : float
        Adam's decay of the mean gradient.
    linear : bool
        Keep the rate for the first half of the steps and let it fall to zero over the second,
        in the place of halving it.
    """

    minutes: float
    steps: int
    learning_rate: float
    half_life: int
    seed: int = 0
    average: float = 0.99
    evaluate_every: int = 40
    patience: int = 8
    momentum: float = 0.9
    linear: bool = False

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        if self.linear:
            return self.learning_rate * min(1.0, 2 - 2 * step / self.steps if self.steps else 1.0)
        return float(self.learning_rate * 0.5 ** (step / self.half_life))

    @classmethod
    def of(cls, settings: Settings, **others: Any) -> Self:
        """The schedule that a method's settings ask for, by the names of their fields."""
        names = {f.name for f in fields(cls)}
        asked = {name: value for name, value in settings.to_dict().items() if name in names}
        return cls(**asked, **others)


@dataclass
class Trained:
    """What came out of a training.

    Parameters
    ----------
    network : torch.nn.Module
        The averaged weights of the best look at the held-out score, or of the last step.
    steps : int
        Steps taken.
    history : list of dict
        Each look: ``step``, ``seconds``, ``loss`` and the held-out scores.
    stopped : {"time", "steps", "asked", "no longer better"}
        What ended it.
    """

    network: nn.Module
    steps: int
    history: list[dict[str, float]] = field(default_factory=list)
    stopped: str = "steps"


def train(
    network: nn.Module,
    draw: Callable[[np.random.Generator, int], Batch],
    loss: Callable[[Any, Tensor], Tensor],
    schedule: Schedule,
    *,
    device: torch.device,
    evaluate: Callable[[nn.Module], Mapping[str, float]] | None = None,
    judge: str = "",
    preview: Callable[[nn.Module], Any] | None = None,
    enough: Callable[[], bool] = lambda: False,
    checkpoint: Checkpoint | None = None,
) -> Job[Trained]:
    """Train a network in place, yielding `Progress` after every step and while it is scored.

    Parameters
    ----------
    network : torch.nn.Module
        Left in the mode in which it came, so that a caller may freeze parts of it.
    draw : callable
        Makes a batch of inputs and targets from a generator, for a step counted from 0.
    loss : callable
        Scalar loss of outputs and targets.
    schedule : Schedule
        When to stop, and how fast to learn.
    device : torch.device
        Where to compute.
    evaluate : callable, optional
        Scores of a network on held-out data, at every look; higher is better. It and `preview`
        are called in a thread of their own.
    judge : str
        The score that decides which weights are best and when to stop.
    preview : callable, optional
        Something to show, made from the averaged network at every look.
    enough : callable
        Asked before every step but the first; once true, the training ends and keeps what it has.
    checkpoint : Checkpoint, optional
        Where to keep the state at every look; if its file exists, training goes on from it.

    Returns
    -------
    Trained
        Returned by the generator; the averaged weights, not the last ones.
    """
    network.to(device).to(memory_format=_layout(network))  # type: ignore[call-overload]
    average = copy.deepcopy(network).requires_grad_(False)
    parameters = [p for p in network.parameters() if p.requires_grad]
    betas = (schedule.momentum, 0.999)
    # The first optimiser of a process imports for seconds.
    optimiser = yield from wait_for(
        in_thread(lambda: torch.optim.Adam(parameters, lr=schedule.learning_rate, betas=betas)),
        Progress(0, 0, "loading the optimiser"),
    )
    best, best_score, looks_since = None, -np.inf, 0
    trained = Trained(average, 0)
    networks = {"network": network, "average": average}
    if checkpoint is not None and (kept := checkpoint.restore(networks, optimiser)):
        trained.steps, trained.history = kept["steps"], kept["history"]
    started = time.monotonic() - (trained.history[-1]["seconds"] if trained.history else 0.0)
    losses: list[float] = []

    def hand_over(progress: Progress) -> Iterator[Progress]:
        """Yield; only the time spent training counts, not a pause."""
        nonlocal started
        handed_over = time.monotonic()
        yield progress
        started += time.monotonic() - handed_over

    def look_at_average() -> tuple[dict[str, float], Any]:
        scores = dict(evaluate(average)) if evaluate is not None else {}
        return scores, preview(average) if preview is not None else None

    while True:
        elapsed = time.monotonic() - started
        budget = max(60 * schedule.minutes, 1e-9)
        fraction = max(elapsed / budget, trained.steps / (schedule.steps or np.inf))
        ended = _ended(elapsed, trained.steps, schedule, enough)
        metrics: dict[str, float] = {}
        shown = None
        if ended or trained.steps % schedule.evaluate_every == 0:
            looking = in_thread(look_at_average)
            for waiting in wait_for(looking, Progress(min(fraction, 1.0), 1.0, "scoring")):
                yield from hand_over(waiting)
            metrics, shown = looking.result()
            look = {"step": trained.steps, "seconds": elapsed, **metrics}
            if losses:
                look["loss"] = float(np.mean(losses))
                losses.clear()
            trained.history.append(look)
            # The start is no candidate: whoever trains wants to see what was learnt.
            if judge in metrics and trained.steps:
                looks_since = 0 if metrics[judge] > best_score else looks_since + 1
                # Of equals the later one: it has learnt for longer.
                if metrics[judge] >= best_score:
                    best, best_score = copy.deepcopy(average), metrics[judge]
            if checkpoint is not None:
                progress = {"steps": trained.steps, "history": trained.history}
                checkpoint.keep(networks, optimiser, progress)
        if ended or looks_since >= schedule.patience:
            trained.stopped = ended or "no longer better"
            break
        with out_of_memory_as_exception():
            value = _step(network, average, optimiser, draw, loss, schedule, trained.steps, device)
        trained.steps += 1
        losses.append(value)
        metrics["loss"] = value
        yield from hand_over(
            Progress(min(fraction, 1.0), 1.0, f"step {trained.steps}", metrics, shown)
        )
    if best is not None:
        trained.network = best
    return trained


def _ended(elapsed: float, steps: int, schedule: Schedule, enough: Callable[[], bool]) -> str:
    """What ends the training before the next step; empty if nothing does."""
    if elapsed >= 60 * schedule.minutes:
        return "time"
    if steps == schedule.steps > 0:
        return "steps"
    return "asked" if steps and enough() else ""


def _step(
    network: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
    draw: Callable[[np.random.Generator, int], Batch],
    loss: Callable[[Any, Tensor], Tensor],
    schedule: Schedule,
    step: int,
    device: torch.device,
) -> float:
    torch.manual_seed(schedule.seed * 1_000_003 + step)  # dropout
    inputs, targets = draw(np.random.default_rng((schedule.seed, step)), step)
    inputs = inputs.to(device).contiguous(memory_format=_layout(network))
    for group in optimiser.param_groups:
        group["lr"] = schedule.rate(step)
    optimiser.zero_grad(set_to_none=True)
    value = loss(network(inputs), targets.to(device))
    value.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimiser.step()
    decay = min(schedule.average, (1 + step) / (10 + step))
    with torch.no_grad():
        for mean, new in zip(
            average.state_dict().values(), network.state_dict().values(), strict=True
        ):
            if mean.is_floating_point():
                mean.lerp_(new, 1 - decay)
            else:
                mean.copy_(new)
    return float(value.detach())


def _layout(network: nn.Module) -> torch.memory_format:
    """Channels last where there are 3D convolutions, which are about twice as fast so."""
    volumetric = any(isinstance(module, nn.Conv3d) for module in network.modules())
    return torch.channels_last_3d if volumetric else torch.contiguous_format
