"""What can be done with mosaics: stain, despeckle, train both, match a slide, review, export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_midl.engine.inputs import FileIn
from napari_midl.engine.jobs import Job, Progress, elsewhere
from napari_midl.engine.operations import Operation, operation
from napari_midl.engine.outputs import FolderOut
from napari_midl.engine.streamed import StreamedOperation
from napari_midl.engine.trained import TrainedOperation
from napari_midl.errors import InputError
from napari_midl.methods.staining.ports import (
    ChannelIn,
    DespecklerIn,
    MosaicsIn,
    ReferenceIn,
    SlideOut,
    StainIn,
    StainModelIn,
    StainsOut,
)
from napari_midl.methods.staining.settings import (
    LEARNT,
    Compression,
    DespeckleSettings,
    StainSettings,
    TrainDespecklerSettings,
    TrainSettings,
)
from napari_midl.methods.staining.uses import check_use

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_midl.engine.models import Model
    from napari_midl.engine.running import Running
    from napari_midl.methods.staining.apply import Despeckling, Staining
    from napari_midl.methods.staining.mosaic import Mosaic
    from napari_midl.methods.staining.pipeline import Pipeline
    from napari_midl.methods.staining.stains import Stains

LOADING = "loading the networks"


@operation("staining.stain")
@dataclass(frozen=True, kw_only=True)
class Stain(StreamedOperation):
    """Stain a mosaic into an OME-Zarr.

    Parameters
    ----------
    reflectance : ChannelIn
        The reflectance channel, or a file with both.
    fluorescence : ChannelIn
        The fluorescence channel, or the same file.
    """

    reflectance: ChannelIn
    fluorescence: ChannelIn
    model: StainModelIn = StainModelIn()
    despeckler: DespecklerIn = DespecklerIn()
    reference: ReferenceIn | None = None
    settings: StainSettings = StainSettings()

    def model_for(self, run: Running) -> Job[Staining]:
        """The stages of the stain, and the mosaic."""
        check_use(self)
        mosaic = yield from self.mosaic(run)
        pipeline = yield from self.pipeline(run)
        from napari_midl.methods.staining.apply import Staining

        return Staining(mosaic, pipeline, self.settings, _identity(run.inputs, self.settings))

    def mosaic(self, run: Running) -> Job[Mosaic]:
        """Both channels, on the scale that is fixed for all of them."""
        fluorescence = yield from run.open(self.fluorescence, "opening the channels")
        reflectance = yield from run.open(self.reflectance, "opening the channels")

        def measure() -> Mosaic:
            from napari_midl.methods.staining.mosaic import Mosaic

            return Mosaic([fluorescence, reflectance])

        return (yield from elsewhere(measure, "looking at the mosaic"))

    def pipeline(self, run: Running) -> Job[Pipeline]:
        """The stages of the stain."""
        translator = cleaner = matched = None
        if self.settings.method in LEARNT:
            translator = yield from run.open(self.model, LOADING, method=self.settings.method)
        elif self.settings.doubt:
            translator = yield from run.open(self.model, LOADING)
        if not self.settings.keep_speckle:
            cleaner = yield from run.open(self.despeckler, LOADING)
        if self.reference is not None:
            matched = yield from run.open(self.reference, "looking at the slide")

        def build() -> tuple[Pipeline, Stains]:
            from napari_midl.methods.staining.pipeline import build_pipeline, stains_for

            shown = matched or stains_for(self.settings, translator)
            return build_pipeline(self.settings, cleaner, translator, matched), shown

        pipeline, stains = yield from elsewhere(build, LOADING)
        run.inputs["stains"] = {"fingerprint": stains.to_dict()}
        return pipeline


@operation("staining.despeckle", argument="reflectance")
@dataclass(frozen=True, kw_only=True)
class Despeckle(StreamedOperation):
    """Take the speckle out of a reflectance mosaic into an OME-Zarr.

    Parameters
    ----------
    reflectance : ChannelIn
        The mosaic.
    """

    reflectance: ChannelIn
    model: DespecklerIn = DespecklerIn()
    settings: DespeckleSettings = DespeckleSettings()

    def model_for(self, run: Running) -> Job[Despeckling]:
        """The despeckler, and the mosaic of one channel."""
        reflectance = yield from run.open(self.reflectance)
        cleaner = yield from run.open(self.model, LOADING)
        from napari_midl.engine.folding import fold_batch_norm
        from napari_midl.methods.staining.apply import Despeckling
        from napari_midl.methods.staining.beyond import WithinScale
        from napari_midl.methods.staining.mosaic import Mosaic
        from napari_midl.methods.staining.pipeline import Pipeline

        mosaic = yield from elsewhere(lambda: Mosaic([reflectance]), "looking at the mosaic")
        pipeline = Pipeline(WithinScale(fold_batch_norm(cleaner.network)))
        return Despeckling(mosaic, pipeline, self.settings, _identity(run.inputs, self.settings))


@operation("staining.train")
@dataclass(frozen=True, kw_only=True)
class Train(TrainedOperation):
    """Train a stain on unpaired mosaics and slides; one that was stopped goes on.

    Parameters
    ----------
    slides : FileIn
        Folder of H&E pictures at the mosaics' resolution.
    despeckler : DespecklerIn
        ``base`` (shipped), or the path of a despeckler: the mosaics are despeckled first.
    """

    slides: FileIn
    confocal: MosaicsIn = MosaicsIn()
    despeckler: DespecklerIn = DespecklerIn()
    settings: TrainSettings = TrainSettings()

    def train(self, run: Running) -> Job[Model]:
        """Despeckle the mosaics and train."""
        pictures = yield from _pictures(self.slides)
        cleaner = yield from run.open(self.despeckler, LOADING)
        pairs = yield from elsewhere(
            lambda: self.confocal.open(self.settings.seed), "opening the mosaics"
        )
        from napari_midl.methods.staining.data import despeckled, fingerprints
        from napari_midl.methods.staining.learn import train_stain

        mosaics = {}
        for done, (name, pair) in enumerate(pairs.items()):
            yield Progress(done, len(pairs), f"despeckling {name}")
            mosaics[name] = yield from despeckled(pair, cleaner)
        run.inputs |= fingerprints({**mosaics, **pictures})
        return (
            yield from train_stain(
                mosaics, pictures, self.settings, run.checkpoint(), exactly=run.steps
            )
        )


@operation("staining.train-despeckler")
@dataclass(frozen=True, kw_only=True)
class TrainDespeckler(TrainedOperation):
    """Train a despeckler on slides with artificial speckle; one that was stopped goes on.

    Parameters
    ----------
    slides : FileIn
        Folder of H&E pictures.
    start : DespecklerIn
        ``scratch``, ``base`` (shipped), or the path of a despeckler to go on from.
    """

    slides: FileIn
    start: DespecklerIn = DespecklerIn("scratch")
    settings: TrainDespecklerSettings = TrainDespecklerSettings()

    def train(self, run: Running) -> Job[Model]:
        """Train."""
        pictures = yield from _pictures(self.slides)
        from napari_midl.methods.staining.data import fingerprints
        from napari_midl.methods.staining.learn import train_despeckler

        run.inputs |= fingerprints(pictures)
        settings = self.settings
        start = yield from run.open(self.start, LOADING, preset=settings.preset, seed=settings.seed)
        trained = yield from train_despeckler(
            pictures, settings, run.checkpoint(), start=start, exactly=run.steps
        )
        run.results["steps"] = trained.card["steps"] - start.card["steps"]
        return trained


@operation("staining.match", argument="slide")
@dataclass(frozen=True, kw_only=True)
class Match(Operation["Stains"]):
    """Measure the stains of a slide, for mosaics to take its colours.

    Parameters
    ----------
    slide : ReferenceIn
        An H&E picture.
    """

    slide: ReferenceIn
    out: StainsOut

    def job(self, run: Running) -> Job[Stains]:
        """Its hematoxylin and its eosin."""
        stains = yield from run.open(self.slide, "looking at the slide")
        if self.out.path is not None:
            from napari_midl.methods.staining.stains import write_stains

            write_stains(stains, run.staged())
        return stains


@operation("staining.export-review", argument="stain")
@dataclass(frozen=True, kw_only=True)
class ExportReview(Operation[None]):
    """Write the review of a stain as a table, thumbnails and a page that shows them.

    Parameters
    ----------
    stain : StainIn
        The stain; what was decided of it lies beside it.
    """

    stain: StainIn
    out: FolderOut

    def job(self, run: Running) -> Job[None]:
        """Cut the stain into fields again, most doubtful first."""
        stain = yield from run.open(self.stain)
        from napari_midl.engine.hashes import hash_path
        from napari_midl.methods.staining.export import reviewed
        from napari_midl.methods.staining.review import export_page, find_fields, review_path

        review = review_path(stain)
        yield from elsewhere(lambda: reviewed(stain), "reading the review")
        run.inputs["review"] = {"sha256": hash_path(review)}
        fields = yield from find_fields(stain)
        yield from export_page(fields, f"Review of {stain.name}", run.staged())


@operation("staining.export", argument="stain")
@dataclass(frozen=True, kw_only=True)
class Export(Operation[None]):
    """Write a stain for other programs: the slide, a picture of a field, or its review.

    Parameters
    ----------
    stain : StainIn
        The stain, whole or not.
    box : str
        The field of a PNG, y0:y1,x0:x1 in pixels counted from 0, where an end may be left out; by
        default all.
    compression : str
        Of the OME-TIFF: ``deflate`` keeps each pixel, ``jpeg`` is several times smaller.
    """

    stain: StainIn
    out: SlideOut
    box: str = ""
    compression: Compression = "deflate"

    def job(self, run: Running) -> Job[None]:
        """What the ending of the output says."""
        stain, out = (yield from run.open(self.stain)), self.out
        from napari_midl.engine.hashes import hash_path
        from napari_midl.methods.staining import export
        from napari_midl.methods.staining.review import review_path
        from napari_midl.methods.staining.stained import open_stained

        if self.box and not out.is_picture:
            raise InputError(f"--box is the field of a .png; leave it out to write {out.path}.")
        stained = yield from elsewhere(lambda: open_stained(stain), "opening the stain")
        if out.is_picture:
            yield from export.export_field(stained, run.staged(), self.box)
        elif out.is_review:
            review = review_path(stain)
            run.inputs["review"] = {"sha256": hash_path(review) if review.exists() else None}
            yield from export.export_review(stained, run.staged())
        else:
            yield from export.export_slide(stained, run.staged(), self.compression)


def _pictures(slides: FileIn) -> Job[dict[str, NDArray[np.uint8]]]:
    """The pictures of a folder by name."""

    def read() -> dict[str, NDArray[np.uint8]]:
        from napari_midl.methods.staining.pictures import read_pictures

        return read_pictures(slides.open())

    return elsewhere(read, "reading the slides")


def _identity(
    inputs: dict[str, Any], settings: StainSettings | DespeckleSettings
) -> dict[str, Any]:
    """What an output depends on: not where it was computed, nor where its colours came from."""
    hashes = {k: v.get("sha256") or v.get("fingerprint") for k, v in inputs.items()}
    hashes.pop("reference", None)  # its stains say it
    return {**hashes, "settings": {k: v for k, v in settings.to_dict().items() if k != "device"}}
