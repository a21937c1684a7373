"""A dock in which a person paints: its keys choose what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from napari_midl.widgets.parts.accessible import tab_as_read
from napari_midl.widgets.tool.dock import ToolDock
from napari_midl.widgets.tool.paint_bench import PaintBench

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qtpy.QtWidgets import QAbstractButton

    from napari_midl.widgets.tool.paint_section import PaintSection
    from napari_midl.widgets.tool.section import Emitter

B = TypeVar("B", bound=PaintBench[Any])


class PaintDock(ToolDock[B]):
    """A dock with a section for painting.

    Attributes
    ----------
    painting : PaintSection
        To be made in `make_sections`.
    """

    painting: PaintSection

    def make_keys(self) -> Mapping[str, QAbstractButton]:
        """The class to paint, and to take back."""
        return self.painting.keys

    def keys_count_on(self, layer: Any, key: str) -> bool:
        """Whichever is active."""
        return self.painting.keys_count_on(layer, key)

    def hint_signals(self) -> Sequence[Emitter]:
        """Also what is painted."""
        return (self.bench.patches.changed,)

    def give_keys(self) -> None:
        """Give the keys, and their turn of Tab, to other buttons, once there are other classes."""
        if hasattr(self, "keys"):
            self.keys.stop()
            self.keys = self.bind_keys()
            tab_as_read(self)
