"""What is learnt from each stroke, shown over the part in view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject
from superqt.utils import qthrottled

from napari_midl.widgets.layers import OURS, put_above
from napari_midl.widgets.looking import box_in_view
from napari_midl.widgets.parts.dock_frame import torch_is_here
from napari_midl.widgets.tool.box_layers import BoxLayers
from napari_midl.widgets.tool.live_view import LiveView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtWidgets import QCheckBox

    from napari_midl.engine.pixels.seen import Look
    from napari_midl.methods.segment.live import LiveLearner
    from napari_midl.volumes.boxes import Box
    from napari_midl.volumes.classes import Classes
    from napari_midl.volumes.volume import Volume
    from napari_midl.widgets.segment.bench import SegmentBench

PREVIEW = "preview while learning"
_MOST, _REST_MS = 640, 200
_OPACITY = 0.5


class LivePreview(QObject):
    """Learns what is painted while a box is ticked, and shows the classes in view.

    Parameters
    ----------
    bench : SegmentBench
        Whose paint and view it follows.
    wanted : QCheckBox
        Whether to.
    """

    def __init__(self, bench: SegmentBench, wanted: QCheckBox) -> None:
        super().__init__(bench)
        self._bench, self._wanted = bench, wanted
        self._layers = BoxLayers(bench.viewer)
        self._channels: list[Volume] = []
        self._learning = LiveView(_learner, self)
        self._learning.found.connect(lambda found: self._show(*found))
        self._learning.failed.connect(bench.report)
        self._look = qthrottled(self._on_view, timeout=_REST_MS)
        bench.patches.painted.connect(lambda _: self.ask(learn=True))
        bench.opened.connect(self.forget)
        bench.renamed.connect(self.forget)
        bench.result.connect(self._on_result)
        wanted.toggled.connect(self._on_wanted)
        bench.viewer.dims.events.point.connect(lambda _: self._look())
        bench.viewer.scene.camera.events.connect(lambda _: self._look())

    def ask(self, *, learn: bool) -> None:
        """Learn what is painted, unless a job computes, and show what is in view."""
        bench = self._bench
        image = bench.image
        if image is None or image not in bench.viewer.layers or not self._wanted.isChecked():
            return
        if bench.ended or bench.runner.running or not torch_is_here():
            return
        from napari_midl.engine.pixels.seen import Look

        if not self._channels:
            self._channels = list(bench.channel_in_use(image).values())
        z, y, x = box_in_view(bench.viewer, image, _MOST)
        look = Look((z, y, x), bench.patches.patches, learn)
        self._learning.ask(look, self._channels, bench.classes)

    def forget(self) -> None:
        """Drop what is under way and what is shown."""
        self._learning.forget()
        self._channels = []
        self._layers.remove()

    def shut_down(self) -> None:
        """End the thread."""
        self._learning.shut_down()

    def _show(self, region: Box, called: np.ndarray) -> None:
        bench = self._bench
        if bench.image is None or bench.ended:
            return
        picture = in_colours(called, bench.classes)
        look: dict[str, Any] = {"rgb": True, "metadata": {OURS: "made by the segmentation dock"}}
        flat = bench.image.ndim == 2
        shown = picture[0] if flat else picture
        if self._layers.show(bench.image, PREVIEW, region, shown, **look):
            put_above(bench.viewer, bench.image, self._layers.layers[PREVIEW])

    def _on_view(self) -> None:
        if PREVIEW in self._layers.layers:
            self.ask(learn=False)

    def _on_wanted(self, wanted: bool) -> None:
        if wanted:
            self.ask(learn=True)
        else:
            self.forget()

    def _on_result(self) -> None:
        """Something better than the preview is shown."""
        if self._bench.shown is not None:
            self._layers.remove()


def in_colours(called: np.ndarray, classes: Classes) -> np.ndarray:
    """Colours and opacity ``(..., 4)`` of classes by their numbers, the first transparent."""
    colours = [(0.0, 0.0, 0.0, 0.0)] + [
        (*(part / 255 for part in bytes.fromhex(label.colour[1:])), _OPACITY)
        for label in classes.labels[1 : len(classes)]
    ]
    return np.array(colours, np.float32)[called]


def _learner(look: Look, channels: Sequence[Volume], classes: Classes) -> LiveLearner:
    from napari_midl.methods.segment.live import LiveLearner

    return LiveLearner(channels, classes, look)
