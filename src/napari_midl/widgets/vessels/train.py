"""Fine-tuning a vessel model on what was painted, with a preview of the view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from superqt.utils import qthrottled

from napari_midl.engine.outputs import ModelOut
from napari_midl.engine.project import patches_folder, times_painted
from napari_midl.engine.running import Watch
from napari_midl.errors import InputError
from napari_midl.methods.vessels.operations import Finetune
from napari_midl.methods.vessels.painted import painted
from napari_midl.methods.vessels.ports import VesselModelIn
from napari_midl.methods.vessels.settings import FinetuneSettings
from napari_midl.methods.vessels.words import gain
from napari_midl.widgets.looking import box_in_view
from napari_midl.widgets.parts.model_picker import BASE, ModelPicker
from napari_midl.widgets.tool.live_train_section import LiveTrainSection
from napari_midl.widgets.vessels.bench import VesselsBench
from napari_midl.widgets.vessels.layers import LOOK, PROBABILITY_COLOURS

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.engine.jobs import Progress
    from napari_midl.engine.models import Model
    from napari_midl.engine.pixels.seen import Look
    from napari_midl.engine.runs import Run
    from napari_midl.methods.vessels.live import LiveLearner
    from napari_midl.volumes.boxes import Box
    from napari_midl.volumes.volume import Volume
    from napari_midl.widgets.tool.shelf import Picture


OTHERS = {
    "U-Net (shipped)": "unet",
    "from scratch (untrained)": "scratch",
    "U-Net from scratch": "unet-scratch",
    "tUbe net from scratch (large)": "tubenet-scratch",
}
_MOST = 1024


def _learner(look: Look, volume: Volume, model: str | Path) -> LiveLearner | None:
    """What learns from strokes, beginning with a model; None for one that cannot so fast."""
    from napari_midl.methods.vessels.learn_pixels import Known
    from napari_midl.methods.vessels.live import LiveLearner
    from napari_midl.methods.vessels.models import named_model
    from napari_midl.methods.vessels.pixel_network import PixelNet
    from napari_midl.volumes.scaling import scaling_around

    start = VesselModelIn(str(model)).open()
    if not isinstance(start.network, PixelNet) or not start.card.get("steps"):
        return None
    known = Known.of(start, lambda: named_model("base"), volume.name)
    boxes = [patch.box for patch in look.patches] or [look.region]
    return LiveLearner(volume, known, scaling_around(volume, boxes))


class VesselTrainSection(LiveTrainSection[VesselsBench]):
    """Fine-tunes, shows the preview, and rolls back."""

    verb = "Fine-tune"
    tip = "Teach the model what you painted, in the background"
    stem = "fine-tuned"
    settings = FinetuneSettings
    elsewhere = ("dense",)
    live_tip = "After each stroke, show what the model has learnt, in the slice in view"
    learner = staticmethod(_learner)

    def __init__(self, bench: VesselsBench) -> None:
        self._view: Box | None = None
        model = ModelPicker(
            "vessels",
            bench.report,
            "Fine-tune starts from this model; Where next? and Predict use it",
            BASE | OTHERS,
        )
        super().__init__(bench, model)
        self.gain.setToolTip(
            "Scores on painted blocks that were held out: Dice is how well what is called vessel "
            "and what you painted as vessel overlap, from 0 to 1"
        )
        self._look = qthrottled(self._on_view, timeout=200)
        model.changed.connect(self._on_chosen)
        self.live.toggled.connect(lambda _: self._on_view())
        for event in (bench.viewer.dims.events.point, bench.viewer.dims.events.order):
            event.connect(self._on_moved)
        bench.viewer.scene.camera.events.connect(self._on_moved)
        self._on_chosen()

    def first_rows(self) -> None:
        """Which model to begin with."""
        self.row("Model", self.model, stretch=1)

    def operation(self, out: Path) -> Finetune:
        """Fine-tune on a copy of the patches, which is kept beside the model."""
        bench = self.bench
        patches = bench.patches.patches
        if not patches:
            raise InputError("Nothing is painted yet; paint vessel and background in a patch.")
        bench.patches.flush()
        self._say_what_is_not_learnt()
        return Finetune(
            image=bench.image_in,
            labels=painted(patches, bench.opened_volume),
            model=VesselModelIn(str(self.model.choice)),
            out=ModelOut(out),
            settings=self.form.value(dense=False),
        )

    def _say_what_is_not_learnt(self) -> None:
        """Paint of other time points: one image is learnt."""
        bench = self.bench
        times = times_painted(bench.opened_folder, patches_folder, bench.channel)
        others = ", ".join(str(time) for time in times if time != bench.time)
        said = f"What is painted at time point {bench.time} is learnt, and not that at {others}."
        bench.told.emit(said if others else "")

    def watch(self) -> Watch:
        """Also what is in view; the job's thread only ever reads attributes, and no widget."""
        self._on_view()
        return Watch(view=lambda: self._view, enough=lambda: self._enough)

    def progressed(self, batch: list[Progress]) -> None:
        """Show the newest preview."""
        shown = [p.preview for p in batch if p.preview is not None]
        if shown:
            self._preview.show(*shown[-1])

    def learnt_of(self) -> tuple[Volume, str | Path]:
        """The image and the chosen model."""
        return self.bench.opened_volume, self.model.choice

    @property
    def in_minutes(self) -> bool:
        """Whether the chosen model learns by steps that a person may stop."""
        return not VesselModelIn(str(self.model.choice)).learns_in_seconds

    def _on_chosen(self) -> None:
        """What learns in seconds has no time to be chosen."""
        self.offer_minutes(self.in_minutes)
        if self.bench.patches.names:
            self._preview.ask(learn=True)

    def open_model(self, path: Path) -> Model:
        """A U-Net, for the zoo."""
        return VesselModelIn(str(path)).open()

    def seen(self, model: str | Path, box: Box) -> Picture:
        """How probable vessel is."""
        from napari_midl.methods.vessels.apply import predict_region

        z, y, x = box
        opened = VesselModelIn(str(model)).open()
        probability = predict_region(self.bench.opened_volume, opened, (z, y, x))
        picture: Picture = PROBABILITY_COLOURS.map(probability).astype(np.float32)
        return picture

    def gained(self, run: Run) -> str:
        """Before against after."""
        return gain(run.results)

    def forgotten(self) -> None:
        """Take the preview away."""
        self._preview.forget()

    def picture(self, probability: Any) -> tuple[Any, dict[str, Any]]:
        """How probable vessel is, as a prediction shows it."""
        return probability, {"colormap": PROBABILITY_COLOURS, **LOOK}

    def _on_moved(self, event: Any = None) -> None:
        # A method: napari would hold on to a closed dock for the sake of a function.
        self._look()

    def _on_view(self) -> None:
        image = self.bench.image
        shown = image in self.bench.viewer.layers and self.live.isChecked()
        viewer = self.bench.viewer
        self._view = box_in_view(viewer, image, _MOST) if image is not None and shown else None
