"""What can be done with vessels: train, predict, cut, measure, and ask where to paint."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_midl.engine.inputs import FileIn, ImageIn
from napari_midl.engine.jobs import Progress, elsewhere
from napari_midl.engine.operations import Operation, operation
from napari_midl.engine.outputs import TableOut
from napari_midl.engine.streamed import StreamedOperation
from napari_midl.engine.trained import FinetunedOperation, TrainedOperation
from napari_midl.errors import InputError
from napari_midl.methods.vessels.measuring import Analyse, Labels
from napari_midl.methods.vessels.ports import (
    GrowingPredictionIn,
    ImagesIn,
    LabelsIn,
    VesselModelIn,
    check_of,
)
from napari_midl.methods.vessels.settings import (
    FinetuneSettings,
    Length,
    PredictSettings,
    PretrainPixelsSettings,
    PretrainSettings,
    ProposeSettings,
    unused_by_pixels,
)
from napari_midl.volumes.counting import counted

if TYPE_CHECKING:
    import pandas as pd

    from napari_midl.engine.jobs import Job
    from napari_midl.engine.models import Model
    from napari_midl.engine.proposals import Proposal
    from napari_midl.engine.running import Running
    from napari_midl.engine.trained import Finetuned
    from napari_midl.methods.vessels.predictor import VesselModel

__all__ = ["Analyse", "Batch", "Finetune", "Labels", "Predict", "Pretrain", "Propose"]


@operation("vessels.finetune", argument="image")
@dataclass(frozen=True, kw_only=True)
class Finetune(FinetunedOperation):
    """Fine-tune a network on a labelled image.

    Parameters
    ----------
    model : VesselModelIn
        ``base`` (shipped) learns in seconds. ``unet`` (shipped) learns for minutes beside it, and
        joins it as far as strokes say that both have not seen. ``scratch``, ``unet-scratch`` and
        ``tubenet-scratch`` (the paper's in full size) are untrained. Or the path of a model.
    """

    image: ImageIn
    labels: LabelsIn
    model: VesselModelIn = VesselModelIn()
    settings: FinetuneSettings = FinetuneSettings()

    def finetune(self, run: Running) -> Job[Finetuned]:
        """Train; the previews are ``(region, probability)`` of what is in view."""
        volume = yield from run.open(self.image)
        volume.check_stack()
        painted = yield from run.open(self.labels, "reading the labels")
        model = yield from run.open(self.model, "loading the network", seed=self.settings.seed)
        from napari_midl.methods.vessels import learn, learn_joint, learn_pixels
        from napari_midl.methods.vessels.apply import predict_region
        from napari_midl.methods.vessels.inputs import read_labels
        from napari_midl.methods.vessels.models import named_model
        from napari_midl.methods.vessels.network import VesselNet
        from napari_midl.methods.vessels.pixel_network import PixelNet
        from napari_midl.volumes.labels import patches_identity

        patches = read_labels(painted, volume, self.settings.dense)
        run.inputs["labels"] = patches_identity(patches)
        watch = run.watch
        base = partial(named_model, "base")
        how = (volume, patches, model, self.settings)
        if isinstance(model.network, PixelNet):
            run.results["unused"] = unused_by_pixels(self.settings)
            learning = learn_pixels.finetune(*how, base, exactly=run.steps)
        elif self.settings.alone and isinstance(model.network, VesselNet):
            learning = learn.finetune(*how, watch.view, watch.enough, exactly=run.steps)
        else:
            learning = learn_joint.finetune(*how, base, watch.view, watch.enough, exactly=run.steps)
        tuned = yield from learning
        if region := watch.view():
            look = partial(predict_region, volume, tuned.model, region)
            found = yield from elsewhere(look, "looking at the result")
            yield Progress(1, 1, "looking at the result", preview=(region, found))
        return tuned

    def summary(self, results: dict[str, Any]) -> list[str]:
        """Also which settings the model had no use for."""
        said, unused = super().summary(results), results.get("unused")
        if unused:
            named = " and ".join(f"--{name.replace('_', '-')}" for name in unused)
            said.append(
                f"{self.model.called} has no use for {named}: it learns in seconds; for a U-Net, "
                "give --model unet."
            )
        return said


@operation("vessels.predict", argument="image")
@dataclass(frozen=True, kw_only=True)
class Predict(StreamedOperation):
    """Predict the vessels of an image into an OME-Zarr."""

    image: ImageIn
    model: VesselModelIn = VesselModelIn()
    settings: PredictSettings = PredictSettings()

    def model_for(self, run: Running) -> Job[VesselModel]:
        """The network and the volume."""
        volume = yield from run.open(self.image)
        model = yield from run.open(self.model, "loading the network")
        from napari_midl.methods.vessels.predictor import VesselModel

        made = partial(VesselModel, volume, model, self.settings, called=self.model.called)
        return (yield from elsewhere(made, "looking at the image"))


@operation("vessels.pretrain")
@dataclass(frozen=True, kw_only=True)
class Pretrain(TrainedOperation):
    """Make base weights from synthetic vessels, and labelled stacks where given.

    Parameters
    ----------
    stacks : FileIn, optional
        Folder of pairs NAME_image.tif and NAME_label.tif (0 background).
    hold_out : str
        Leave out the stacks whose name contains this.
    start : VesselModelIn
        ``scratch``, or the path of a model to go on from.
    """

    facts = ("steps", "device")

    stacks: FileIn | None = None
    hold_out: str = ""
    start: VesselModelIn = VesselModelIn("scratch")
    settings: PretrainSettings = PretrainSettings()

    def train(self, run: Running) -> Job[Model]:
        """Train on what was drawn, and on the stacks."""
        from napari_midl.methods.vessels import pretraining
        from napari_midl.methods.vessels.inputs import read_stacks

        settings, pairs = self.settings, []
        if self.stacks is not None:
            pairs = read_stacks(self.stacks.open(), self.hold_out)
            run.inputs |= {image.name: image.identity() for image, _ in pairs}
        model = yield from run.open(
            self.start, "loading the network", preset=settings.preset, seed=settings.seed
        )
        trained = yield from pretraining.pretrain(
            settings, pairs, run.checkpoint(), start=model, exactly=run.steps
        )
        run.results["steps"] = trained.card["steps"] - model.card["steps"]
        return trained


@operation("vessels.pretrain-pixels")
@dataclass(frozen=True, kw_only=True)
class PretrainPixels(TrainedOperation):
    """Make the pixel networks from which learning while you paint begins.

    Parameters
    ----------
    stacks : FileIn
        Folder of pairs NAME_image.tif and NAME_label.tif (0 background).
    hold_out : str
        Leave out the stacks whose name contains this.
    """

    stacks: FileIn
    hold_out: str = ""
    settings: PretrainPixelsSettings = PretrainPixelsSettings()

    def train(self, run: Running) -> Job[Model]:
        """Train on the stacks."""
        from napari_midl.methods.vessels import pretrain_pixels
        from napari_midl.methods.vessels.inputs import read_stacks

        pairs = read_stacks(self.stacks.open(), self.hold_out)
        run.inputs |= {image.name: image.identity() for image, _ in pairs}
        return (yield from pretrain_pixels.pretrain(pairs, self.settings, exactly=run.steps))


@operation("vessels.propose", argument="image")
@dataclass(frozen=True, kw_only=True)
class Propose(Operation["list[Proposal]"]):
    """Name the places where painting teaches a model most: where it is least sure.

    Parameters
    ----------
    prediction : GrowingPredictionIn, optional
        A prediction of the image, finished or not: the places are those where it is least sure,
        and no model is asked.
    labels : LabelsIn, optional
        What is painted already, as for ``vessels finetune``; no place overlaps it.
    out : TableOut
        The ``.csv`` file to write: ``z,y,x,height,width`` in voxels, ``uncertainty`` from 0
        (sure) to 1, ``reason``.
    """

    image: ImageIn
    model: VesselModelIn = VesselModelIn()
    prediction: GrowingPredictionIn | None = None
    labels: LabelsIn | None = None
    out: TableOut
    settings: ProposeSettings = ProposeSettings()

    def job(self, run: Running) -> Job[list[Proposal]]:
        """Look at places all over the image."""
        volume = yield from run.open(self.image)
        stored = model = painted = None
        if self.prediction is not None:
            stored = yield from run.open(self.prediction)
            check_of(stored, volume, self.prediction.path)
        else:
            model = yield from run.open(self.model, "loading the network")
        if self.labels is not None:
            painted = yield from run.open(self.labels, "reading the labels")
        from napari_midl.methods.vessels import apply
        from napari_midl.methods.vessels.inputs import read_labels
        from napari_midl.volumes.labels import patches_identity

        patches = [] if painted is None else read_labels(painted, volume)
        if painted is not None:
            run.inputs["labels"] = patches_identity(patches)
        if model is None:
            assert stored is not None
            proposing = apply.propose_from(stored, patches, self.settings)
        else:
            proposing = apply.propose(volume, model, patches, self.settings, run.watch.enough)
        places = yield from proposing
        run.results["places"] = len(places)
        if self.out.path is not None:
            from napari_midl.methods.vessels.places import write_places

            write_places(places, run.staged())
        return places

    def summary(self, results: dict[str, Any]) -> list[str]:
        """How many there are; none where everywhere is painted already."""
        if results["places"]:
            return [counted(results["places"], "place")]
        return ["no place: something is painted in each that was looked at; try a smaller --side"]


@operation("vessels.batch", argument="images")
@dataclass(frozen=True, kw_only=True)
class Batch(Operation["pd.DataFrame"]):
    """Predict and measure several images, and put their numbers into one table.

    Parameters
    ----------
    min_length : float
        Leave out branches with a free end that are shorter, as for ``vessels analyse``.
    out : TableOut
        The ``.csv`` to write, a row for each image; in its folder each image gets its prediction,
        with the mask in it, as NAME.ome.zarr. Those that are there already are gone on with.
    """

    images: ImagesIn
    model: VesselModelIn = VesselModelIn()
    min_length: Length = 0.0
    out: TableOut
    settings: PredictSettings = PredictSettings()

    def job(self, run: Running) -> Job[pd.DataFrame]:
        """One image after the other; one that cannot be measured does not stop the others."""
        yield from run.open(self.images)
        yield from run.open(self.model, "loading the network")
        from napari_midl.methods.vessels.batch import measure_all
        from napari_midl.volumes.tables import write_table

        table = yield from measure_all(self)
        if (table["problem"] != "").all():
            first, *others = table["problem"]
            more = f" (and {len(others)} more)" if others else ""
            raise InputError(f"no image could be measured: {first}{more}")
        run.results |= {"images": len(table), "problems": int((table["problem"] != "").sum())}
        write_table(table, run.staged())
        return table

    def summary(self, results: dict[str, Any]) -> list[str]:
        """How many there are, and whether all could be measured."""
        said = [counted(results["images"], "image")]
        if results["problems"]:
            said.append(f"{results['problems']} could not be measured: see the column problem")
        return said
