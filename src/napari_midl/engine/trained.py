"""Operations that train a model, from the start or on an image of a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from napari_midl.engine.jobs import Progress
from napari_midl.engine.models import Model
from napari_midl.engine.operations import Operation
from napari_midl.engine.outputs import ModelOut
from napari_midl.engine.verdict import Basis, Verdict, basis_in_words, verdict_in_words, verdict_of

if TYPE_CHECKING:
    from napari_midl.engine.jobs import Job
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
    """A fine-tuned model and what it gained; `judged` makes one that is never worse.

    Parameters
    ----------
    model : Model
        What is to be saved: the trained one, or the start again where nothing was better.
    before, after : dict of str to float
        Scores of the start and of the trained one; empty where they cannot be compared.
    steps : int
        Optimiser steps taken, which a replay takes again.
    history : list of dict
        The looks at the loss and the scores, for a plot.
    verdict : Verdict
        What came of it.
    basis : Basis
        What the voxels behind the scores did besides.
    counts : dict of str to int
        What is behind the scores: how many of what, by its name in the plural.
    advice : str
        A sentence about the threshold, where another fits better.
    finished : int
        Steps taken after that on what was held out, too.
    gained : float or None
        By how much it scores higher than its start.
    """

    model: Model
    before: dict[str, float]
    after: dict[str, float]
    steps: int
    history: list[dict[str, float]] = field(default_factory=list)
    verdict: Verdict = Verdict.NOT_COMPARED
    basis: Basis = Basis.NONE
    counts: dict[str, int] = field(default_factory=dict)
    advice: str = ""
    finished: int = 0
    gained: float | None = None

    @classmethod
    def judged(
        cls,
        start: Model,
        trained: Model | None,
        *,
        gained: float | None,
        before: dict[str, float],
        after: dict[str, float],
        image: str,
        headline: str = "dice",
        **others: Any,
    ) -> Self:
        """The trained model, or its start again where that is better.

        Parameters
        ----------
        start : Model
            Where the training began.
        trained : Model or None
            What it made; None where none of its looks was better than the start.
        gained : float or None
            By how much it scores higher than the start; None where they cannot be compared, as
            where it began from scratch.
        before, after : dict of str to float
            Scores of the start and of the trained one.
        image : str
            Name of the image they are of.
        headline : str
            Name of the score that stands for all in a list of models.
        **others
            The other fields.
        """
        verdict = Verdict.NOTHING if trained is None else verdict_of(gained)
        if trained is None or verdict.is_start:
            model = Model(start.network, {**start.card, "parent": start.sha256})
        else:
            model = trained
            model.card.pop("scored", None)  # the parent's
            if headline in after:
                score = {"score": headline, "value": after[headline], "image": image}
                model.card["scored"] = score
        model.card["outcome"] = verdict.value
        return cls(model, before, after, verdict=verdict, gained=gained, **others)

    @property
    def taken(self) -> bool:
        """Whether it takes the place of its start: not if it scores lower."""
        lower = self.gained is not None and self.gained < 0
        return not self.verdict.is_start and not lower

    def results(self) -> dict[str, Any]:
        """What the record of a run tells of it."""
        return {
            "steps": self.steps,
            "finished": self.finished,
            "before": self.before,
            "after": self.after,
            "verdict": self.verdict.value,
            "taken": self.taken,
            "basis": self.basis.value,
            "counts": self.counts,
            "advice": self.advice,
        }


@dataclass(frozen=True, kw_only=True)
class FinetunedOperation(Operation[Finetuned]):
    """An operation that fine-tunes a model on an image.

    Attributes
    ----------
    units : dict of str to str
        Those of the scores that have one.
    scored_on : str
        What is held out to be scored on, in the plural.
    more : str
        What to do where none of it could be held out.
    """

    units: ClassVar[dict[str, str]] = {}
    scored_on: ClassVar[str] = "strokes"
    more: ClassVar[str] = "paint more, so that some can be held out"

    out: ModelOut

    def finetune(self, run: Running) -> Job[Finetuned]:
        """Open the image and what is known of it, and train on it, exactly `Running.steps`."""
        raise NotImplementedError

    def job(self, run: Running) -> Job[Finetuned]:
        """Train, and save the model."""
        tuned = yield from self.finetune(run)
        yield Progress(1, 1, "saving the model")
        run.save(tuned.model)
        run.results |= tuned.results()
        return tuned

    def summary(self, results: dict[str, Any]) -> list[str]:
        """The verdict, the scores before and after and what they rest on, and advice."""
        before, after = results["before"], results["after"]
        before = before if before != after else {}
        units = {name: f" {unit}" for name, unit in self.units.items()}
        scores = [
            f"{name}: {f'{before[name]:.3f} -> ' if name in before else ''}"
            f"{after[name]:.3f}{units.get(name, '')}"
            for name in after
        ]
        said = [basis_in_words(results, self.scored_on, self.more), results.get("advice", "")]
        if not results.get("taken", True) and Verdict(results["verdict"]).is_start:
            said.append("The file holds the model it began with.")
        return [verdict_in_words(results), *scores, *filter(None, said)]
