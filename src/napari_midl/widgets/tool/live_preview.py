"""What is learnt from each stroke, shown over the part in view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject
from superqt.utils import qthrottled

from napari_midl.widgets.layers import OURS, put_above
from napari_midl.widgets.looking import box_in_view
from napari_midl.widgets.parts.dock_frame import torch_is_here
from napari_midl.widgets.tool.box_layers import BoxLayers
from napari_midl.widgets.tool.live_view import LiveView

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Image
    from qtpy.QtWidgets import QCheckBox

    from napari_midl.volumes.boxes import Box
    from napari_midl.widgets.tool.paint_bench import PaintBench

PREVIEW = "preview while learning"
_MOST, _REST_MS = 768, 200


class LivePreview(QObject):
    """Learns what is painted while a box is ticked, and shows the answer in view.

    Parameters
    ----------
    bench : PaintBench
        Whose paint and view it follows.
    wanted : QCheckBox
        Whether to.
    learner : callable
        As for `LiveView`.
    of : callable
        Of what it learns, such as the image and a model.
    picture : callable
        Of an answer makes a picture, and how ``viewer.add_image`` shows it.
    """

    def __init__(
        self,
        bench: PaintBench[Any],
        wanted: QCheckBox,
        learner: Callable[..., Any],
        of: Callable[[], tuple[Any, ...]],
        picture: Callable[[Any], tuple[Any, dict[str, Any]]],
    ) -> None:
        super().__init__(bench)
        self._bench, self._wanted, self._of, self._picture = bench, wanted, of, picture
        self._layers = BoxLayers(bench.viewer)
        self._learning = LiveView(learner, self)
        self._gave_way = False
        self._learning.found.connect(self._on_found)
        self._learning.failed.connect(bench.report)
        self._look = qthrottled(self._on_view, timeout=_REST_MS)
        bench.patches.painted.connect(lambda _: self.ask(learn=True))
        bench.opened.connect(self.forget)
        wanted.toggled.connect(self._on_wanted)
        for event in (bench.viewer.dims.events.point, bench.viewer.dims.events.order):
            event.connect(self._on_moved)
        bench.viewer.scene.camera.events.connect(self._on_moved)

    @property
    def layer(self) -> Image | None:
        """The layer of the preview, if there is one."""
        return self._layers.layers.get(PREVIEW)

    def ask(self, *, learn: bool) -> None:
        """Learn what is painted, unless a job computes, and show what is in view.

        Until two classes are painted, what will be needed then is loaded.
        """
        bench = self._bench
        if bench.image not in bench.viewer.layers or not self._wanted.isChecked():
            return
        if bench.ended or bench.runner.running or not torch_is_here():
            return
        from napari_midl.engine.pixels.seen import Look

        self._gave_way &= not learn
        z, y, x = box_in_view(bench.viewer, bench.opened_image, _MOST)
        self._learning.ask(Look((z, y, x), bench.patches.patches, learn), *self._of())

    def show(self, box: Box, answer: Any) -> None:
        """Show what was learnt, or what a training made, of a box."""
        bench = self._bench
        if bench.image is None or bench.ended:
            return
        picture, look = self._picture(answer)
        look = look | {"metadata": {OURS: "made by this dock"}}
        if self._layers.show(bench.image, PREVIEW, box, picture, **look):
            # A result that is shown has not learnt what was painted since.
            older = bench.shown.present if bench.shown is not None else []
            below = max([bench.image, *older], key=bench.viewer.layers.index)
            put_above(bench.viewer, below, self._layers.layers[PREVIEW])

    def forget(self) -> None:
        """Drop what is under way and what is shown."""
        self._gave_way = False
        self._learning.forget()
        self._layers.remove()

    def give_way(self) -> None:
        """Something better is there: show nothing until more is painted."""
        self.forget()
        self._gave_way = True

    def shut_down(self) -> None:
        """End the thread."""
        self._learning.shut_down()

    def _on_found(self, found: tuple[Box, Any]) -> None:
        if not self._gave_way:
            self.show(*found)

    def _on_moved(self, event: Any = None) -> None:
        # A method: napari would hold on to a closed dock for the sake of a function.
        self._look()

    def _on_view(self) -> None:
        if self.layer is not None:
            self.ask(learn=False)

    def _on_wanted(self, wanted: bool) -> None:
        if wanted:
            self.ask(learn=True)
        else:
            self.forget()
