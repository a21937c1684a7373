"""What can be done with vessels: train, predict, cut, measure, and ask where to paint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_midl.engine.jobs import Progress
from napari_midl.engine.operations import Operation, operation
from napari_midl.engine.ports import FileIn, ImageIn, ModelIn, ModelOut, OmeZarrOut
from napari_midl.methods.vessels.settings import (
    FinetuneSettings,
    PredictSettings,
    PretrainSettings,
)

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.engine.jobs import Job
    from napari_midl.engine.models import Model
    from napari_midl.engine.running import Running
    from napari_midl.methods.vessels.learn import Finetuned


@dataclass(frozen=True)
class VesselModelIn(ModelIn):
    """A vessel model: ``base`` (shipped), ``scratch`` (untrained), or the path of a model."""

    def open(self, seed: int = 0) -> Model:
        """The model; `seed` is that of an untrained one's weights."""
        from napari_midl.methods.vessels.models import named_model

        return named_model(self.name, seed)


@dataclass(frozen=True)
class LabelsIn(FileIn):
    """Labels of an image, or a folder of patches painted in the dock."""

    def identity(self, opened: Path) -> dict[str, Any]:
        """Nothing yet: what is painted is known once it is read beside the image."""
        return {}


@operation("vessels.finetune", argument="image")
@dataclass(frozen=True, kw_only=True)
class Finetune(Operation["Finetuned"]):
    """Fine-tune a network on a labelled image.

    Parameters
    ----------
    image : ImageIn
        The image.
    labels : LabelsIn
        Labels of the image's shape (0 unlabelled, 1 background, 2 vessel), or a folder of
        patches painted in the dock.
    model : VesselModelIn
        ``base`` (shipped), ``scratch`` (untrained), or the path of a model.
    out : ModelOut
        The ``.safetensors`` file to write.
    settings : FinetuneSettings
        How to train.
    """

    image: ImageIn
    labels: LabelsIn
    model: VesselModelIn = VesselModelIn()
    out: ModelOut
    settings: FinetuneSettings = FinetuneSettings()

    def job(self, run: Running) -> Job[Finetuned]:
        """Train; the previews are ``(region, probability)`` of what is in view."""
        volume = yield from run.open(self.image)
        painted = yield from run.open(self.labels, "reading the labels")
        model = yield from run.open(self.model, "loading the network", seed=self.settings.seed)
        from napari_midl.methods.vessels import learn
        from napari_midl.methods.vessels.apply import predict_region
        from napari_midl.methods.vessels.inputs import patches_identity, read_labels

        patches = read_labels(painted, volume, self.settings.dense)
        run.inputs["labels"] = patches_identity(patches)
        watch = run.watch
        tuned = yield from learn.finetune(
            volume, patches, model, self.settings, watch.view, watch.enough, exactly=run.steps
        )
        region = watch.view()
        shown = (region, predict_region(volume, tuned.model, region)) if region else None
        yield Progress(1, 1, "saving the model", preview=shown)
        run.save(tuned.model)
        run.results |= {"steps": tuned.steps, "before": tuned.before, "after": tuned.after}
        return tuned

    def said(self, results: dict[str, Any]) -> list[str]:
        """The scores before and after."""
        before, after = results["before"], results["after"]
        return [f"held-out {name}: {before[name]:.3f} -> {after[name]:.3f}" for name in after]


@operation("vessels.predict", argument="image")
@dataclass(frozen=True, kw_only=True)
class Predict(Operation[None]):
    """Predict the vessels of an image into an OME-Zarr.

    Parameters
    ----------
    image : ImageIn
        The image.
    model : VesselModelIn
        ``base`` (shipped), or the path of a model.
    out : OmeZarrOut
        The ``.ome.zarr`` folder to write.
    settings : PredictSettings
        Threshold, tile, uncertainty.
    """

    image: ImageIn
    model: VesselModelIn = VesselModelIn()
    out: OmeZarrOut
    settings: PredictSettings = PredictSettings()

    def job(self, run: Running) -> Job[None]:
        """Predict from where the person looks outwards; the previews are regions written."""
        volume = yield from run.open(self.image)
        model = yield from run.open(self.model, "loading the network")
        from napari_midl.methods.vessels import apply

        assert self.out.path is not None
        journal = yield from apply.predict(
            volume, model, self.out.path, self.settings, run.watch.focus, self.out.resume
        )
        run.afterwards(journal.close)


@operation("vessels.pretrain")
@dataclass(frozen=True, kw_only=True)
class Pretrain(Operation["Model"]):
    """Make base weights from synthetic vessels, and labelled stacks where given.

    Parameters
    ----------
    stacks : FileIn, optional
        Folder of pairs NAME_image.tif and NAME_label.tif (0 background).
    hold_out : str
        Leave out the stacks whose name contains this.
    start : VesselModelIn
        ``scratch``, or the path of a model to go on from.
    out : ModelOut
        The ``.safetensors`` file to write, in half precision; a training that was stopped goes on.
    settings : PretrainSettings
        The network, how long, how fast.
    """

    stacks: FileIn | None = None
    hold_out: str = ""
    start: VesselModelIn = VesselModelIn("scratch")
    out: ModelOut
    settings: PretrainSettings = PretrainSettings()

    def job(self, run: Running) -> Job[Model]:
        """Train, and keep the state at every look."""
        from napari_midl.methods.vessels import learn
        from napari_midl.methods.vessels.inputs import read_stacks
        from napari_midl.methods.vessels.models import scratch

        settings, pairs = self.settings, []
        if self.stacks is not None:
            folder = self.stacks.open()
            pairs = read_stacks(folder, self.hold_out)
            run.inputs |= {image.name: image.identity() for image, _ in pairs}
        if self.start.name == "scratch":
            model = scratch(settings.preset, settings.seed)
            run.inputs["start"] = self.start.identity(model)
        else:
            model = yield from run.open(self.start, "loading the network")
        trained = yield from learn.pretrain(
            settings, pairs, run.checkpoint(), start=model, exactly=run.steps
        )
        run.save(trained, half=True)
        run.results |= {
            "steps": trained.card["steps"] - model.card["steps"],
            "device": trained.card["device"],
        }
        return trained
