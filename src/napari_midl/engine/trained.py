"""Operations that train a model, from the start or on an image of a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from napari_midl.engine.jobs import Progress
from napari_midl.engine.operations import Operation
from napari_midl.engine.ports import ModelOut

if TYPE_CHECKING:
    from napari_midl.engine.jobs import Job
    from napari_midl.engine.models import Model
    from napari_midl.engine.running import Running


@dataclass(frozen=True, kw_only=True)
class TrainedOperation(Operation["Model"]):
    """An operation that trains a model for long, with a checkpoint; it is kept in half precision.

    Attributes
    ----------
    facts : tuple of str
        Fields of the model's card that the record tells too.
    """

    facts: ClassVar[tuple[str, ...]] = ("steps",)

    out: ModelOut

    def train(self, run: Running) -> Job[Model]:
        """Open the data and train on it, with `Running.checkpoint` and exactly `Running.steps`."""
        raise NotImplementedError

    def job(self, run: Running) -> Job[Model]:
        """Train, and keep the state at every look."""
        model = yield from self.train(run)
        run.save(model, half=True)
        run.results = {fact: model.card[fact] for fact in self.facts} | run.results
        return model


@dataclass
class Finetuned:
    """A fine-tuned model and what it gained.

    Parameters
    ----------
    model : Model
        The trained one, ready to save, also where the start scored better.
    before, after : dict of str to float
        Scores of the start and of it on what was held out; empty where nothing was.
    steps : int
        Optimiser steps taken.
    history : list of dict
        The looks at the loss and the scores, for a plot.
    """

    model: Model
    before: dict[str, float]
    after: dict[str, float]
    steps: int
    history: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class FinetunedOperation(Operation[Finetuned]):
    """An operation that fine-tunes a model on an image.

    Attributes
    ----------
    units : dict of str to str
        Those of the scores that have one.
    """

    units: ClassVar[dict[str, str]] = {}

    out: ModelOut

    def finetune(self, run: Running) -> Job[Finetuned]:
        """Open the image and what is known of it, and train on it, exactly `Running.steps`."""
        raise NotImplementedError

    def job(self, run: Running) -> Job[Finetuned]:
        """Train, and save the model."""
        tuned = yield from self.finetune(run)
        yield Progress(1, 1, "saving the model")
        run.save(tuned.model)
        run.results |= {"steps": tuned.steps, "before": tuned.before, "after": tuned.after}
        return tuned

    def summary(self, results: dict[str, Any]) -> list[str]:
        """The scores before and after."""
        before, after = results["before"], results["after"]
        units = {name: f" {unit}" for name, unit in self.units.items()}
        return [
            f"validation {name}: {before[name]:.3f} -> {after[name]:.3f}{units.get(name, '')}"
            for name in after
        ]
