"""Segmenting the whole image, a view or a box, with the chosen model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_midl.engine.channels import ChannelsIn
from napari_midl.engine.models import read_card
from napari_midl.engine.outputs import OmeZarrOut
from napari_midl.engine.project import MODELS
from napari_midl.engine.unfinished import model_begun_with
from napari_midl.errors import InputError
from napari_midl.methods.segment.models import SCRATCH as NONE
from napari_midl.methods.segment.models import path_of
from napari_midl.methods.segment.operations import Predict
from napari_midl.methods.segment.ports import SegmentModelIn
from napari_midl.methods.segment.settings import PredictSettings
from napari_midl.widgets.images import whole_of
from napari_midl.widgets.segment.bench import SegmentBench
from napari_midl.widgets.segment.layers import SegmentationLayers
from napari_midl.widgets.sizes import to_record
from napari_midl.widgets.tool.stream_section import StreamSection

if TYPE_CHECKING:
    from napari_midl.widgets.parts.model_picker import ModelPicker


class PredictSection(StreamSection[SegmentBench]):
    """Streams a segmentation into an OME-Zarr and the viewer."""

    heading = "Predict"
    verb = "Predict"
    tip = "Find the classes, beginning where you look"
    noun = "segmentation"

    def __init__(self, bench: SegmentBench, model: ModelPicker) -> None:
        self._model = model
        super().__init__(bench)

    def arrange(self) -> None:
        """What of the image, where to, and which to show."""
        self.form = self.make_form(PredictSettings)
        self.row("Of", self.region, stretch=1)
        self.row("To", self.out, stretch=1)
        self.row(self.go)
        self.body.addWidget(self.outlook)
        self.row(self.show_button, self.earlier, stretch=1)
        self.body.addWidget(self.form)

    def operation(self, out: Path, resume: bool) -> Predict:
        """Segment with the chosen model, or go on with the one it began with."""
        model, settings = self._model.choice, self.form.value()
        if resume:
            settings, model = self.settings_of(out, settings), self._begun_with(out)
        if model == NONE:
            raise InputError(
                "there is no model yet; learn from what you painted first, or open a model."
            )
        return Predict(
            image=self._image(read_card(path_of(model)).get("channels", 1)),
            model=SegmentModelIn(str(model)),
            out=OmeZarrOut(out, resume=resume),
            settings=settings,
        )

    def layers(self, out: Path) -> SegmentationLayers:
        """Classes, probabilities and doubt, in the place of those before."""
        bench = self.bench
        bench.show(None)
        return SegmentationLayers(bench.viewer, bench.opened_image, bench.opened_volume, out)

    def resume_with(self, begun: dict[str, Any]) -> None:
        """Its settings; the chosen model stays, since it is that of the next one."""
        self.form.fill({k: v for k, v in begun["settings"].items() if k != "device"})

    def _image(self, channels: int) -> ChannelsIn:
        """The channel in view for a model of one, all for one that looks at as many."""
        bench = self.bench
        image, volume = bench.opened_image, bench.opened_volume
        size, every = to_record(image, volume), bench.channels_of(image)
        if channels != len(every) or channels == 1:
            return ChannelsIn.of(volume, bench.channel, bench.time, size)
        path = Path(volume.source) if volume.source else None
        whole = whole_of(image) if path is None else None
        return ChannelsIn(
            path, time=bench.time, voxel_size=size, volume=whole, channels=tuple(every)
        )

    def _begun_with(self, out: Path) -> str | Path:
        """The model with which it was begun, whichever is chosen now."""
        models = self.bench.opened_folder / MODELS
        return model_begun_with(
            out, models, self._model.choices, lambda name: SegmentModelIn(name).open()
        )
