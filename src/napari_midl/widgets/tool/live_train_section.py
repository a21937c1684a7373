"""Training on paint, with what each stroke teaches shown at once."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from napari_midl.widgets.parts.section import check
from napari_midl.widgets.tool.live_preview import LivePreview
from napari_midl.widgets.tool.paint_bench import PaintBench
from napari_midl.widgets.tool.train_section import TrainSection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari.layers import Image
    from qtpy.QtWidgets import QWidget

    from napari_midl.engine.models import Model
    from napari_midl.volumes.boxes import Box
    from napari_midl.widgets.parts.model_picker import ModelPicker
    from napari_midl.widgets.tool.shelf import Picture

B = TypeVar("B", bound=PaintBench[Any])


class LiveTrainSection(TrainSection[B]):
    """Trains on what is painted; until then what the strokes teach is shown over the view.

    Attributes
    ----------
    live_tip : str
        Tooltip of the box that switches that off.
    learner : callable
        As for `LiveView`; called in its thread.
    newer : bool
        Whether something was painted since the last training began.
    """

    heading = "Learn"
    score = "validation_dice"
    listens = True
    choose_newest = True

    live_tip: ClassVar[str] = "After each stroke, show what it teaches in the part in view"
    learner: ClassVar[Callable[..., Any]]

    def __init__(self, bench: B, model: ModelPicker) -> None:
        self.newer = self._previewed = False
        self.live = check("learn while I paint", self.live_tip, checked=True)
        self._preview = LivePreview(bench, self.live, self.learner, self.learnt_of, self.picture)
        super().__init__(bench, model)
        self.shelf.open_model, self.shelf.look = self.open_model, self.seen
        self.enabled_when(model, lambda: not bench.runner.running)
        bench.patches.picked.connect(self._on_picked)
        bench.patches.painted.connect(lambda _: self._on_painted())
        bench.result.connect(self._on_result)

    @abstractmethod
    def learnt_of(self) -> tuple[Any, ...]:
        """Hook: of what it learns, such as the image and a model."""

    @abstractmethod
    def picture(self, answer: Any) -> tuple[Any, dict[str, Any]]:
        """Hook: a picture of its answer, and how ``viewer.add_image`` shows it."""

    @abstractmethod
    def open_model(self, path: Path) -> Model:
        """Hook: a model of the tool."""

    @abstractmethod
    def seen(self, model: str | Path, box: Box) -> Picture:
        """Hook: what a model makes of a box of the image, in colours."""

    @property
    def preview(self) -> Image | None:
        """The layer of the preview, if there is one."""
        return self._preview.layer

    def beside(self) -> Sequence[QWidget]:
        """Whether to preview."""
        return (self.live,)

    def depends_on(self) -> Sequence[Any]:
        """What is painted."""
        return (self.bench.patches.changed,)

    def can_train(self) -> bool:
        """Whether there is a patch."""
        return bool(self.bench.patches.names)

    def offer_minutes(self, offered: bool) -> None:
        """Offer to choose how to learn, and to stop; what learns in seconds has no time for it."""
        for widget in (self.form.outside("minutes"), self.form, self.stop):
            widget.setVisible(offered)

    def began(self) -> None:
        """Make room: what is shown is of the strokes alone."""
        self.newer = False
        self._previewed = self.preview is not None
        self._preview.forget()

    def shut_down(self) -> None:
        """Also what learns from strokes."""
        self._preview.shut_down()
        super().shut_down()

    def _on_opened(self) -> None:
        """What was painted before counts, too: it may not have been learnt."""
        super()._on_opened()
        model = self.model.choice
        self.newer = (
            isinstance(model, Path)
            and model.parent == self.models
            and model.exists()
            and self.bench.painted_at > model.stat().st_mtime
        )

    def _on_painted(self) -> None:
        self.newer = True

    def _on_ended(self) -> None:
        """Show the strokes again, but where a result is shown that was seen before the training.

        What was cancelled has learnt nothing.
        """
        super()._on_ended()
        self.newer |= not self._kept
        better = self._kept and not self._previewed and self.bench.shown is not None
        if self.preview is None and not better:
            self._preview.ask(learn=True)

    def _on_picked(self) -> None:
        """Load what learning needs while the hand goes to the image."""
        if self.bench.patches.label is not None:
            self._preview.ask(learn=False)

    def _on_result(self) -> None:
        """Something better than the preview is shown."""
        if self.bench.shown is not None and not self.training:
            self._preview.give_way()
