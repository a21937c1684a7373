"""Segmenting the whole image, a view or a box, with the chosen model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.engine.models import read_card
from napari_midl.engine.semantic.settings import PredictSettings
from napari_midl.errors import InputError
from napari_midl.methods.segment.models import SCRATCH as NONE
from napari_midl.methods.segment.models import path_of
from napari_midl.methods.segment.operations import Predict
from napari_midl.methods.segment.ports import SegmentModelIn
from napari_midl.widgets.segment.bench import SegmentBench
from napari_midl.widgets.tool.class_layers import ClassLayers
from napari_midl.widgets.tool.predict_section import ModelStreamSection

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_midl.engine.models import Model
    from napari_midl.engine.outputs import OmeZarrOut
    from napari_midl.volumes.volume import Volume


class PredictSection(ModelStreamSection[SegmentBench]):
    """Streams a segmentation into an OME-Zarr and the viewer."""

    tip = "Find the classes, beginning where you look"
    noun = "segmentation"
    makes = Predict
    settings = PredictSettings

    def open_model(self, name: str) -> Model:
        """One that is learnt."""
        return SegmentModelIn(name).open()

    def channels(self) -> Sequence[Volume]:
        """Those of the file."""
        return tuple(self.bench.channels_of(self.bench.opened_image).values())

    def operation(self, out: OmeZarrOut) -> Predict:
        """Segment with the chosen model, or go on with the one it began with."""
        model, settings = self.asked(out)
        if model == NONE:
            raise InputError(
                "there is no model yet; learn from what you painted first, or open a model."
            )
        return Predict(
            image=self.bench.channels_in(read_card(path_of(model)).get("channels", 1)),
            model=SegmentModelIn(str(model)),
            out=out,
            settings=settings,
        )

    def layers(self, out: Path) -> ClassLayers:
        """Classes, probabilities and doubt, in the place of those before."""
        bench = self.bench
        bench.show(None)
        return ClassLayers(bench.viewer, bench.opened_image, bench.opened_volume, out)
