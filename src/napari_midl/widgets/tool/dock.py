"""The frame of every dock: the next step above, sections that scroll, the running job below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from qtpy.QtWidgets import QAbstractButton, QVBoxLayout, QWidget

from napari_midl.engine.jobs import in_thread
from napari_midl.widgets.images import in_memory
from napari_midl.widgets.lifetime import Lifetime
from napari_midl.widgets.parts.accessible import name_fields, tab_as_read
from napari_midl.widgets.parts.dock_frame import lay_out, torch_notice
from napari_midl.widgets.parts.hint import Hint
from napari_midl.widgets.parts.keys_through import KeysThrough
from napari_midl.widgets.parts.message import Message
from napari_midl.widgets.parts.progress_bar import ProgressPanel
from napari_midl.widgets.parts.wheel import WheelGuard
from napari_midl.widgets.tool.background_loading import BackgroundLoading
from napari_midl.widgets.tool.bench import Bench
from napari_midl.widgets.tool.closing import AskedOnClosing
from napari_midl.widgets.tool.keys import Keys
from napari_midl.widgets.tool.warming import warm_up

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import napari
    from qtpy.QtCore import QSize
    from qtpy.QtGui import QShowEvent

    from napari_midl.widgets.tool.section import Emitter, ToolSection

B = TypeVar("B", bound=Bench)


class ToolDock(QWidget, Generic[B]):
    """A dock; a subclass names its steps, makes its sections and gives hints.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it works in.

    Attributes
    ----------
    bench_type : type
        Of the bench.
    steps : tuple of str
        What a person does in the dock, in their order.
    needs_torch : tuple of two str, optional
        What needs torch, and what works without it; each begins a sentence.
    cancelling : str
        What the tooltip of Cancel says.
    bench : Bench
        What the sections share.
    """

    bench_type: ClassVar[type[Any]]
    steps: ClassVar[tuple[str, ...]]
    needs_torch: ClassVar[tuple[str, str] | None] = None
    cancelling: ClassVar[str] = "End the job; it can be resumed later"

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__()
        # napari's menu hands over a proxy, whose layers are proxies too, each time another, so
        # that no layer would be the one that an event speaks of.
        viewer: Any = getattr(napari_viewer, "__wrapped__", napari_viewer)
        self.bench: B = self.bench_type(viewer, self)
        self.hint = Hint(self.steps)
        self.torch = torch_notice(*self.needs_torch) if self.needs_torch else None
        self.trouble = Message("What went wrong last")
        self.progress = ProgressPanel(self.bench.runner, self.cancelling)
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.trouble)
        column.addWidget(self.progress)
        self.bench.told.connect(self._on_told)
        self.bench.opened.connect(self.progress.forget)
        self.sections = self.make_sections()
        self.keys = self.bind_keys()
        above = (self.hint,) if self.torch is None else (self.hint, self.torch)
        self._column = lay_out(self, above, self.sections, (below,))
        self._wheel = WheelGuard(self)
        self._through = KeysThrough(self)
        name_fields(self)
        tab_as_read(self)
        self._loading = BackgroundLoading()
        bench = self.bench
        # Kept, as whatever has a slot of ours: of what only Qt holds Python sees no cycle.
        self._pressed = [b for s in self.sections for b in s.findChildren(QAbstractButton)]
        for made in self._pressed:
            made.pressed.connect(self._on_pressed)
        for signal in (bench.opened, bench.job, bench.model, bench.result, *self.hint_signals()):
            signal.connect(lambda *_: self._on_changed())
        for signal in self.hint_signals():
            signal.connect(lambda *_: self.keys.use())
        self._lifetime = Lifetime(self, self.shut_down)
        for runner in bench.runners:
            AskedOnClosing(viewer, runner, self.title())
        in_thread(warm_up)
        self._on_changed()

    @classmethod
    def title(cls) -> str:
        """What napari's menu calls the dock."""
        return f"MIDL {cls.__name__.removesuffix('Dock')}"

    def bind_keys(self) -> Keys:
        """Bind the keys to the buttons that there are now."""
        return Keys(self.bench.viewer, self.make_keys(), self.keys_count_on, self.title())

    def showEvent(self, event: QShowEvent | None) -> None:
        """Qt's hook: the dock that a person brings up has the keys."""
        super().showEvent(event)
        if event is not None and not event.spontaneous():
            self.keys.use()

    def sizeHint(self) -> QSize:
        """Qt's hook: as wide as its rows ask for, and no text, since the image needs the room."""
        hint, column = super().sizeHint(), self._column
        more = column.sizeHint().width() - column.minimumSizeHint().width()
        hint.setWidth(self.minimumSizeHint().width() + more)
        return hint

    def make_sections(self) -> Sequence[ToolSection[Any]]:
        """Hook: the sections from top to bottom.

        The one that opens images is to be made last, when all that follow it are there.
        """
        raise NotImplementedError

    def next_step(self) -> tuple[int, str]:
        """Hook: the step that is next, counted from 0, and what to do in it."""
        raise NotImplementedError

    def hint_signals(self) -> Sequence[Emitter]:
        """Hook: what a person does that the next step depends on, beside the bench's signals."""
        return ()

    def make_keys(self) -> Mapping[str, QAbstractButton]:
        """Hook: which button a key presses while the image has the focus."""
        return {}

    def keys_count_on(self, layer: Any, key: str) -> bool:
        """Hook: whether a key comes before what napari does with it on the active layer."""
        return False

    def shut_down(self) -> None:
        """End what goes on, before the dock leaves its window or the window closes."""
        self.keys.stop()
        # All are told before one is waited for.
        for runner in self.bench.runners:
            runner.cancel()
        for section in self.sections:
            section.shut_down()
        self._loading.end()
        self.bench.shut_down()

    def _on_changed(self) -> None:
        self._lifetime.follow()
        if not self.bench.ended:
            self.keys.refresh()
            self._loading.follow(self.bench.volume, in_memory(self.bench.image))
        step, text = self.next_step()
        self.hint.show_step(step, text)

    def _on_pressed(self) -> None:
        """The keys are those of the dock whose button was pressed last."""
        self.keys.use()

    def _on_told(self, text: str) -> None:
        """Say what went wrong above the running job, where nothing moves for it."""
        self.trouble.setText(text)
        self.trouble.setVisible(bool(text))
