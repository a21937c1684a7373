"""What can be done: train on labels, predict, and learn generated trees beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_midl.engine.examples import ExamplesIn
from napari_midl.engine.jobs import elsewhere
from napari_midl.engine.operations import operation
from napari_midl.engine.semantic.operations import PredictClasses
from napari_midl.engine.trained import FinetunedOperation, TrainedOperation
from napari_midl.errors import InputError
from napari_midl.methods.segment.ports import SegmentModelIn, StartIn
from napari_midl.methods.segment.settings import PretrainSettings, TrainSettings

if TYPE_CHECKING:
    from napari_midl.engine.jobs import Job
    from napari_midl.engine.models import Model
    from napari_midl.engine.running import Running
    from napari_midl.engine.trained import Finetuned

__all__ = ["Predict", "Pretrain", "Train"]


@operation("segment.train", argument="images")
@dataclass(frozen=True, kw_only=True)
class Train(FinetunedOperation):
    """Train a network on labels of one image or of several.

    Parameters
    ----------
    images : ExamplesIn
        The images to learn from, each named as often as there are labels of it.
    classes : tuple of str
        The classes, the background first; ``vessel=artery+vein`` is a label that says only "one
        of these". By default those of the start, else those that the labels name themselves.
    start : StartIn
        ``scratch``, ``trees`` (shipped: generated vessels), or the path of a model to go on from.
    """

    scored_on = "labels"
    more = "label more, so that some can be held out"

    images: ExamplesIn
    classes: tuple[str, ...] = ()
    start: StartIn = StartIn()
    settings: TrainSettings = TrainSettings()

    def finetune(self, run: Running) -> Job[Finetuned]:
        """Read the labels and learn from them."""
        given = yield from run.open(self.images)
        start = yield from run.open(self.start, "loading the network")
        from napari_midl.engine.examples import classes_from, read_examples
        from napari_midl.engine.named_labels import named_classes
        from napari_midl.engine.pixels.network import PixelNetwork
        from napari_midl.engine.semantic import strokes, training
        from napari_midl.engine.semantic.models import classes_of
        from napari_midl.methods.segment.learn import Learning, start_for

        how = self.settings
        own = classes_of(start) if start is not None else named_classes(given, how.dense)
        classes = classes_from(self.classes) if self.classes else own
        if classes is None:
            raise InputError("no classes are named; give them with --classes, background first.")
        reading = partial(read_examples, given, classes, how.dense, how.held_out, how.seed)
        examples = yield from elsewhere(reading, "reading the labels")
        model = start_for(examples, classes, how, start, self.start.called)
        if isinstance(model.network, PixelNetwork):
            return (yield from strokes.fit(examples, model, how, exactly=run.steps))
        enough = run.watch.enough
        return (yield from training.fit(examples, model, how, Learning, enough, exactly=run.steps))


@operation("segment.predict", argument="image")
@dataclass(frozen=True, kw_only=True)
class Predict(PredictClasses):
    """Segment an image into an OME-Zarr: a probability of each class, doubt, and labels."""

    model: SegmentModelIn


@operation("segment.pretrain")
@dataclass(frozen=True, kw_only=True)
class Pretrain(TrainedOperation):
    """Learn vessels and other trees from generated volumes, as a start for few labels."""

    facts = ("steps", "device")

    settings: PretrainSettings = PretrainSettings()

    def train(self, run: Running) -> Job[Model]:
        """Train on what was drawn."""
        from napari_midl.methods.segment.pretraining import pretrain

        return (yield from pretrain(self.settings, run.checkpoint(), exactly=run.steps))

    def summary(self, results: dict[str, Any]) -> list[str]:
        """How long it learnt."""
        return [f"{results['steps']} steps on {results['device']}"]
