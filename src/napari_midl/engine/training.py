"""The training loop that every method uses, whatever its recipe.

Step ``n`` draws from generators seeded with ``(seed, n)``, and a checkpoint keeps the whole state:
a training that was stopped ends with the weights of one that was not.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch

from napari_midl.engine.devices import out_of_memory_as_exception
from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from napari_midl.engine.checkpoints import Checkpoint
    from napari_midl.engine.recipes import Recipe, Steps
    from napari_midl.engine.settings import Settings
    from napari_midl.engine.train_state import TrainState


@dataclass(frozen=True)
class Schedule:
    """When to stop, and when to look.

    Parameters
    ----------
    minutes : float
        Longest time to train.
    steps : int
        Most steps; 0 means that only the time counts.
    seed : int
        Seed of everything drawn at random.
    evaluate_every : int
        Steps between two looks at the score, at which the state is kept too.
    at_first : int
        Steps between two looks before those; 0 for none. They do not try the patience.
    patience : int
        Looks without a better score after which training stops.
    exactly : int, optional
        Take this many steps, which may be none, whatever else would end the training.
    """

    minutes: float
    steps: int = 0
    seed: int = 0
    evaluate_every: int = 40
    at_first: int = 0
    patience: int = 8
    exactly: int | None = None

    @classmethod
    def of(cls, settings: Settings, **others: Any) -> Self:
        """The schedule that a method's settings ask for, by the names of their fields."""
        names = {f.name for f in fields(cls)}
        asked = {name: value for name, value in settings.to_dict().items() if name in names}
        return cls(**asked, **others)

    def fraction(self, steps: int, seconds: float) -> float:
        """How much of the training is done, from 0 to 1."""
        if self.exactly is not None:
            return steps / self.exactly if self.exactly else 1.0
        of_time = seconds / max(60 * self.minutes, 1e-9)
        return min(1.0, max(of_time, steps / self.steps if self.steps else 0.0))

    def looks(self, step: int) -> bool:
        """Whether to look at the score at a step."""
        early = bool(self.at_first) and step < self.evaluate_every and step % self.at_first == 0
        return early or self.is_regular(step)

    def is_regular(self, step: int) -> bool:
        """Whether a look at a step counts for the patience."""
        return step % self.evaluate_every == 0

    def ended(self, steps: int, seconds: float, enough: Callable[[], bool]) -> str:
        """What ends the training before the next step; empty if nothing does."""
        if self.exactly is not None:
            return "steps" if steps >= self.exactly else ""
        if seconds >= 60 * self.minutes:
            return "time"
        if self.steps and steps >= self.steps:
            return "steps"
        return "asked" if steps and enough() else ""


@dataclass
class Trained:
    """What came out of a training.

    Parameters
    ----------
    networks : dict of str to torch.nn.Module
        Averaged where the recipe averages; those of the best look, or of the last step.
    steps : int
        Steps taken.
    history : list of dict
        Each look: ``step``, ``seconds``, the mean of each metric since the last, and the scores.
    best_step : int
        After how many steps the look was that they are of; 0 also where nothing was scored.
    stopped : {"time", "steps", "asked", "no longer better"}
        What ended it.
    """

    networks: dict[str, nn.Module]
    steps: int
    history: list[dict[str, float]] = field(default_factory=list)
    best_step: int = 0
    stopped: str = "steps"

    @property
    def network(self) -> nn.Module:
        """The network of a recipe that has one."""
        return self.networks["network"]


def train(
    recipe: Recipe,
    schedule: Schedule,
    *,
    device: torch.device,
    enough: Callable[[], bool] = lambda: False,
    checkpoint: Checkpoint | None = None,
) -> Job[Trained]:
    """Train by a recipe, yielding `Progress` after every step, within it and while it is scored.

    Parameters
    ----------
    recipe : Recipe
        What is trained, what a step does, what counts as better.
    schedule : Schedule
        When to stop, and when to look.
    device : torch.device
        Where to compute.
    enough : callable
        Asked before every step but the first; once true, the training ends and keeps what it has.
    checkpoint : Checkpoint, optional
        Where to keep the state at every look; if its file exists, training goes on from it.

    Yields
    ------
    Progress
        The one after a look has its scores as metrics, and the recipe's preview.

    Returns
    -------
    Trained
        Returned by the generator.

    Raises
    ------
    InputError
        If the checkpoint cannot be written, is damaged, or is another training's.
    MemoryError
        If a step does not fit into memory.
    """
    # The first optimiser of a process imports for seconds.
    state = yield from wait_for(
        in_thread(lambda: recipe.init(device)), Progress(0, 0, "loading the optimiser")
    )
    if checkpoint is not None:
        restoring = in_thread(lambda: checkpoint.restore(state))
        yield from wait_for(restoring, Progress(0, 0, "reading the checkpoint"))
    training = _Training(recipe, schedule, state)
    while True:
        ended = schedule.ended(state.step, training.seconds, enough)
        looks = schedule.looks(state.step)
        if checkpoint is not None and ended and not looks:
            # Before the last look, which a training that goes on for longer does not take.
            checkpoint.keep(training.noted())
        if (ended or looks) and not training.has_looked:
            scores, shown = yield from training.look()
            if checkpoint is not None and looks:
                checkpoint.keep(training.noted())
            yield from training.hand_over("scored", scores, shown)
        if ended:
            break
        if schedule.exactly is None and state.looks_since >= schedule.patience:
            ended = "no longer better"
            break
        metrics = yield from training.step(device)
        yield from training.hand_over(f"step {state.step}", metrics)
    return Trained(state.result(), state.step, state.history, state.best_step, ended)


class _Training:
    """A training that runs: its state, and a watch that stands still while it is paused."""

    def __init__(self, recipe: Recipe, schedule: Schedule, state: TrainState) -> None:
        self.recipe, self.schedule, self.state = recipe, schedule, state
        self._since = time.monotonic()

    @property
    def seconds(self) -> float:
        """Time spent training so far."""
        return self.state.seconds + time.monotonic() - self._since

    @property
    def has_looked(self) -> bool:
        """Whether this step was looked at already, before the training was stopped here."""
        history = self.state.history
        return bool(history) and history[-1]["step"] == self.state.step

    def noted(self) -> TrainState:
        """The state with the time spent so far."""
        self.state.seconds, self._since = self.seconds, time.monotonic()
        return self.state

    def hand_over(
        self, message: str, metrics: dict[str, float] | None = None, preview: Any = None
    ) -> Job[None]:
        """Yield; only the time spent training counts, not a pause."""
        fraction = self.schedule.fraction(self.noted().step, self.state.seconds)
        yield Progress(fraction, 1.0, message, metrics or {}, preview)
        self._since = time.monotonic()

    def look(self) -> Job[tuple[dict[str, float], Any]]:
        """Score the current weights, note it, and return the scores with something to show."""
        state, networks, seconds = self.state, self.state.current(), self.seconds
        looking = in_thread(
            lambda: (dict(self.recipe.score(networks)), self.recipe.preview(networks))
        )
        for waiting in wait_for(looking, Progress(0, 1, "scoring")):
            yield from self.hand_over(waiting.message)
        scores, shown = looking.result()
        means = {name: float(np.mean(values)) for name, values in state.recent.items()}
        state.recent = {}
        state.history.append({"step": state.step, "seconds": seconds, **scores, **means})
        # A start that knows nothing is no candidate.
        if self.recipe.monitor in scores and (state.step or self.recipe.start_counts):
            counts = bool(state.step) and self.schedule.is_regular(state.step)
            state.consider(scores[self.recipe.monitor], counts)
        return scores, shown

    def step(self, device: torch.device) -> Job[dict[str, float]]:
        """Take one step at the recipe's rate, and bring the averages up to date."""
        state, seed = self.state, self.schedule.seed
        for optimiser in state.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = group["initial_lr"] * self.recipe.rate(state.step)
        rng = np.random.default_rng((seed, state.step))
        generator = torch.Generator(device).manual_seed(seed * 1_000_003 + state.step)
        metrics = yield from self._within(self.recipe.step(state, rng, generator))
        for name, average in state.averaged.items():
            average.update_parameters(state.networks[name])
        state.step += 1
        for name, value in metrics.items():
            state.recent.setdefault(name, []).append(value)
        return metrics

    def _within(self, stepping: Steps) -> Job[dict[str, float]]:
        """Hand over wherever the recipe's step does."""
        try:
            while True:
                try:
                    with out_of_memory_as_exception():
                        message = next(stepping)
                except StopIteration as stop:
                    metrics: dict[str, float] = stop.value
                    return metrics
                yield from self.hand_over(message)
        finally:
            stepping.close()
