"""What is learnt from each stroke, for the view, in a thread beside the window."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_midl.widgets.latest import LatestWorker

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.methods.vessels.live import LiveLearner, Look
    from napari_midl.volumes.volume import Volume

REST_MS = 50


@dataclass(frozen=True)
class _Request:
    volume: Volume
    model: str | Path
    look: Look
    strokes: int


class LiveView(QObject):
    """Learns, with the newest stroke or view that was asked for.

    Attributes
    ----------
    found : Signal(object)
        ``(region, probability)`` of what was asked for; not emitted until both classes are
        painted, nor for a model that cannot learn so fast.
    failed : Signal(Exception)
        The image or the model cannot be read.
    """

    found = Signal(object)
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = LatestWorker(self._work, REST_MS, self)
        self._worker.answered.connect(self._on_answered)
        self._worker.failed.connect(self.failed)
        self._learner: LiveLearner | None = None
        self._of: tuple[Volume, str | Path] | None = None
        # How many strokes were made, and how many of them it has learnt: a request to learn may
        # be overtaken by one that only looks.
        self._strokes = self._learnt = 0

    def ask(self, volume: Volume, model: str | Path, look: Look) -> None:
        """Learn from what is painted, where `look` says so, and look."""
        self._strokes += look.learn
        self._worker.ask(_Request(volume, model, look, self._strokes))

    def forget(self) -> None:
        """Drop what is under way, as where another image is opened."""
        self._worker.forget()

    def shut_down(self) -> bool:
        """End; whether the thread has."""
        return self._worker.shut_down()

    def _work(self, request: _Request) -> Any:
        if self._of is None or self._of[0] is not request.volume or self._of[1] != request.model:
            self._learner = _learner(request)
            self._of = (request.volume, request.model)
        if self._learner is None:
            return None
        look = replace(request.look, learn=request.strokes > self._learnt)
        found = self._learner(look)
        self._learnt = request.strokes
        return None if found is None else (look.region, found)

    def _on_answered(self, answer: Any) -> None:
        if answer is not None:
            self.found.emit(answer)


def warm_up() -> None:
    """Import what learning needs, so that no stroke waits for that.

    The thread may outlive the dock, as an import cannot be stopped. What fails is told by the
    first stroke.
    """

    def load() -> None:
        with suppress(ImportError, OSError):
            import_module("napari_midl.methods.vessels.live")

    Thread(target=load, daemon=True, name="import of torch").start()


def _learner(request: _Request) -> LiveLearner | None:
    from napari_midl.methods.vessels.learn_pixels import Known
    from napari_midl.methods.vessels.live import LiveLearner
    from napari_midl.methods.vessels.models import named_model
    from napari_midl.methods.vessels.pixel_network import PixelNet
    from napari_midl.methods.vessels.ports import VesselModelIn
    from napari_midl.volumes.scaling import scaling_around

    start = VesselModelIn(str(request.model)).open()
    if not isinstance(start.network, PixelNet) or not start.card.get("steps"):
        return None
    volume, look = request.volume, request.look
    known = Known.of(start, lambda: named_model("base"), volume.name)
    boxes = [patch.box for patch in look.patches] or [look.region]
    return LiveLearner(volume, known, scaling_around(volume, boxes))
