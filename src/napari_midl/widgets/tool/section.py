"""A section of a dock: rows of widgets, each enabled when it can be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from napari_midl.widgets.parts.section import Section, button, enable
from napari_midl.widgets.tool.bench import Bench
from napari_midl.widgets.tool.folded import is_folded, remember_folded
from napari_midl.widgets.tool.preferences import preferred
from napari_midl.widgets.tool.settings_form import SettingsForm

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from qtpy.QtWidgets import QPushButton, QWidget

    from napari_midl.engine.operations import Operation
    from napari_midl.engine.settings import Settings

B = TypeVar("B", bound=Bench)
S = TypeVar("S", bound="Settings")


class Emitter(Protocol):
    """A signal that a function can follow."""

    def connect(self, slot: Callable[..., object], /) -> object:
        """Call a function whenever it is emitted."""


class ToolSection(Section, Generic[B]):
    """A titled box of a dock.

    A subclass gives its `heading`, makes its widgets and lays them out by `row`. What can be
    pressed when is said once, beside the widget, by `action` and `enabled_when`.

    Parameters
    ----------
    bench : Bench
        What the sections of the dock share.

    Attributes
    ----------
    heading : str
        Its title.
    folded_at_first : bool
        Whether it is folded away until a person opens it; what they leave is remembered.
    """

    heading: ClassVar[str]
    folded_at_first: ClassVar[bool] = False

    def __init__(self, bench: B) -> None:
        super().__init__(self.heading)
        self.bench = bench
        name = type(self).__name__
        self.title.setChecked(not is_folded(name, self.folded_at_first))
        self.title.toggled.connect(lambda open_: remember_folded(name, not open_))

    def action(
        self,
        text: str,
        tooltip: str,
        clicked: Callable[[], object],
        when: Callable[[], object] | None = None,
        *signals: Emitter,
    ) -> QPushButton:
        """A button, and when it can be pressed: `enabled_when`."""
        made = button(text, tooltip, clicked)
        if when is not None:
            self.enabled_when(made, when, *signals)
        return made

    def enabled_when(self, widget: QWidget, when: Callable[[], object], *signals: Emitter) -> None:
        """Enable a widget while a condition holds.

        It is asked now, and again whenever another image is open, a job begins or ends, or one
        of `signals` is emitted.
        """
        self.follow(
            lambda: enable(widget, bool(when())), self.bench.opened, self.bench.job, *signals
        )

    def follow(self, update: Callable[[], object], *signals: Emitter) -> None:
        """Call a function now and at each of some signals, whatever they carry."""
        for signal in signals:
            signal.connect(lambda *_: update())
        update()

    def write(self, title: str, operation: Operation[Any], path: Path | None = None) -> None:
        """Perform an operation, and say where its output is saved."""
        path = path or operation.out.path
        self.bench.start(title, operation.perform(), lambda _: self.bench.say(f"Saved {path}"))

    def make_form(self, settings: type[S], **how: Any) -> SettingsForm[S]:
        """The form of a settings class; it begins with what the person prefers everywhere."""
        return SettingsForm(settings, values=preferred(settings), **how)

    def shut_down(self) -> None:
        """Let go of the viewer: the dock is being closed."""
