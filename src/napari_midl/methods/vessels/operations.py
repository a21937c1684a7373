"""What can be done with vessels: train, predict, cut, measure, and ask where to paint."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from napari_midl.engine.jobs import elsewhere
from napari_midl.engine.lengths import unit_of, why_voxels
from napari_midl.engine.operations import Operation, operation
from napari_midl.engine.ports import FileIn, ImageIn, TableOut
from napari_midl.engine.streamed import StreamedOperation
from napari_midl.engine.trained import FinetunedOperation, TrainedOperation
from napari_midl.methods.vessels.ports import (
    GraphOut,
    GrowingPredictionIn,
    LabelsIn,
    LabelsOut,
    MaskIn,
    PredictionIn,
    Threshold,
    VesselModelIn,
    check_finished,
    check_of,
    image_of,
)
from napari_midl.methods.vessels.settings import (
    FinetuneSettings,
    Length,
    PredictSettings,
    PretrainPixelsSettings,
    PretrainSettings,
    ProposeSettings,
)
from napari_midl.volumes.units import length_in_words

if TYPE_CHECKING:
    from napari_midl.engine.jobs import Job
    from napari_midl.engine.models import Model
    from napari_midl.engine.running import Running
    from napari_midl.engine.trained import Finetuned
    from napari_midl.methods.vessels.analyse import VesselGraph
    from napari_midl.methods.vessels.apply import Proposal
    from napari_midl.methods.vessels.predictor import VesselModel


@operation("vessels.finetune", argument="image")
@dataclass(frozen=True, kw_only=True)
class Finetune(FinetunedOperation):
    """Fine-tune a network on a labelled image.

    Parameters
    ----------
    model : VesselModelIn
        ``base`` (shipped) learns in seconds, ``unet`` (shipped) in minutes. ``scratch``,
        ``unet-scratch`` and ``tubenet-scratch`` (the paper's in full size) are untrained. Or the
        path of a model.
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
        from napari_midl.methods.vessels import learn, learn_pixels
        from napari_midl.methods.vessels.inputs import patches_identity, read_labels
        from napari_midl.methods.vessels.models import named_model
        from napari_midl.methods.vessels.pixel_network import PixelNet

        patches = read_labels(painted, volume, self.settings.dense)
        run.inputs["labels"] = patches_identity(patches)
        watch = run.watch
        if isinstance(model.network, PixelNet):
            return (
                yield from learn_pixels.finetune(
                    volume,
                    patches,
                    model,
                    self.settings,
                    lambda: named_model("base"),
                    watch.view,
                    exactly=run.steps,
                )
            )
        return (
            yield from learn.finetune(
                volume, patches, model, self.settings, watch.view, watch.enough, exactly=run.steps
            )
        )


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

        return VesselModel(volume, model, self.settings)


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


@operation("vessels.labels", argument="prediction")
@dataclass(frozen=True, kw_only=True)
class Labels(Operation[None]):
    """Write the labels of a prediction at another threshold.

    Parameters
    ----------
    threshold : float
        Probability from which a voxel is labelled vessel.
    out : LabelsOut
        The ``.ome.zarr`` to write, or a ``.nii``, ``.nii.gz`` or ``.ome.tif`` for other programs;
        by default an OME-Zarr in that of the prediction, ``labels/vessels-0.50`` or what the
        threshold is.
    """

    prediction: PredictionIn
    threshold: Threshold = 0.5
    out: LabelsOut = LabelsOut(None)

    def __post_init__(self) -> None:
        if self.out.path is None:
            from napari_midl.methods.vessels.labels import labels_path

            path = labels_path(self.prediction.path, self.threshold)
            object.__setattr__(self, "out", LabelsOut(path))

    def job(self, run: Running) -> Job[None]:
        """Write them aside; they are listed once they lie where they belong."""
        yield from run.open(self.prediction)
        from napari_midl.methods.vessels.labels import write_labels
        from napari_midl.volumes.label_list import list_labels

        path = self.out.path
        assert path is not None
        read = yield from write_labels(self.prediction.path, self.threshold, run.staged())
        run.inputs["probability"] = {"sha256": read}
        if image_of(path) is not None:
            run.afterwards(lambda: list_labels(path))


@operation("vessels.analyse", argument="mask")
@dataclass(frozen=True, kw_only=True)
class Analyse(Operation["VesselGraph"]):
    """Measure the branches of vessels: lengths, radii and centre lines.

    Parameters
    ----------
    min_length : float
        Leave out branches with a free end that are shorter, in the unit of the mask's voxel size,
        which is that of the table: thinning makes them of bumps.
    """

    mask: MaskIn
    min_length: Length = 0.0
    out: GraphOut

    def job(self, run: Running) -> Job[VesselGraph]:
        """Thin the mask to its skeleton and measure along it."""
        from napari_midl.methods.vessels.export import write_graph

        if self.out.path is not None and self.mask.path is not None:
            check_finished(self.mask.path)
        mask = yield from run.open(self.mask)
        analysing = "napari_midl.methods.vessels.analyse"
        module = yield from elsewhere(lambda: import_module(analysing), "loading")
        graph: VesselGraph = self.mask.graph or (yield from module.analyse(mask, self.min_length))
        if self.out.path is not None:
            write_graph(graph, run.staged())
        lengths = graph.branches["length"]
        run.results |= {
            "branches": len(lengths),
            "length": float(lengths.sum()),
            **unit_of(mask),
        }
        return graph

    def summary(self, results: dict[str, Any]) -> list[str]:
        """How much there is."""
        length = length_in_words(results["length"], results["unit"])
        return [f"{results['branches']} branches, {length} in all", *why_voxels(results)]


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
            check_of(stored, volume)
        else:
            model = yield from run.open(self.model, "loading the network")
        if self.labels is not None:
            painted = yield from run.open(self.labels, "reading the labels")
        from napari_midl.methods.vessels import apply
        from napari_midl.methods.vessels.inputs import patches_identity, read_labels

        patches = [] if painted is None else read_labels(painted, volume)
        if painted is not None:
            run.inputs["labels"] = patches_identity(patches)
        wanted = self.settings
        size = (1, wanted.side, wanted.side)
        if model is None:
            assert stored is not None
            places = yield from apply.propose_from(stored, patches, wanted.count, size)
        else:
            places = yield from apply.propose(
                volume,
                model,
                patches,
                count=wanted.count,
                size=size,
                seed=wanted.seed,
                candidates=wanted.candidates,
                device=wanted.device,
                enough=run.watch.enough,
            )
        if self.out.path is not None:
            from napari_midl.methods.vessels.places import write_places

            write_places(places, run.staged())
        return places
