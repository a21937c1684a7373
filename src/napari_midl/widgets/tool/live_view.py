"""What is learnt from each stroke, for the view, in a thread beside the window."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_midl.widgets.latest import LatestWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_midl.engine.pixels.seen import Look

    Learner = Callable[[Look], Any]

REST_MS = 50


@dataclass(frozen=True)
class _Request:
    of: tuple[Any, ...]
    look: Look
    strokes: int


class LiveView(QObject):
    """Learns, with the newest stroke or view that was asked for.

    Parameters
    ----------
    learner : callable
        Of a `Look` and of what is learnt of, such as an image and a model, makes what learns: it
        gives of a look what was learnt, or None. Called in the thread; None for what cannot.

    Attributes
    ----------
    found : Signal(object)
        ``(region, answer)`` of what was asked for; not emitted until enough is painted, nor for a
        model that cannot learn so fast.
    failed : Signal(Exception)
        The image or the model cannot be read.
    """

    found = Signal(object)
    failed = Signal(object)

    def __init__(self, learner: Callable[..., Learner | None], parent: QObject) -> None:
        super().__init__(parent)
        self._make = learner
        self._worker = LatestWorker(self._work, REST_MS, self)
        self._worker.answered.connect(self._on_answered)
        self._worker.failed.connect(self.failed)
        self._learner: Learner | None = None
        self._of: tuple[Any, ...] | None = None
        # How many strokes were made, and how many of them it has learnt: a request to learn may
        # be overtaken by one that only looks.
        self._strokes = self._learnt = 0

    def ask(self, look: Look, *of: Any) -> None:
        """Learn from what is painted, where `look` says so, and look."""
        self._strokes += look.learn
        self._worker.ask(_Request(of, look, self._strokes))

    def forget(self) -> None:
        """Drop what is under way, as where another image is opened."""
        self._worker.forget()

    def shut_down(self) -> bool:
        """End; whether the thread has."""
        return self._worker.shut_down()

    def _work(self, request: _Request) -> Any:
        if self._of is None or not all(map(_same, self._of, request.of)):
            self._learner, self._of = self._make(request.look, *request.of), request.of
        if self._learner is None:
            return None
        look = replace(request.look, learn=request.strokes > self._learnt)
        found = self._learner(look)
        self._learnt = request.strokes
        return None if found is None else (look.region, found)

    def _on_answered(self, answer: Any) -> None:
        if answer is not None:
            self.found.emit(answer)


def _same(one: Any, other: Any) -> bool:
    """Whether it is the same image, or the same name or path of a model."""
    return one is other or (isinstance(one, str | Path) and one == other)
