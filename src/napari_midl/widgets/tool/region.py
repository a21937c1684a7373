"""Which part of an image is to be computed: all of it, what is in view, or what is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QWidget
from superqt.utils import signals_blocked

from napari_midl.volumes.boxes import written
from napari_midl.widgets.looking import drawn_box, field_in_view
from napari_midl.widgets.parts.section import combo, spin

if TYPE_CHECKING:
    from napari_midl.widgets.tool.bench import Bench

WHOLE, VIEW, DRAWN, BEGUN = "whole", "view", "drawn", "begun"
_WORDS = {WHOLE: "the whole image", VIEW: "this view", DRAWN: "the box that is drawn"}
_AROUND = 8


class RegionPicker(QWidget):
    """A list of parts, and how many slices around the one in view.

    Attributes
    ----------
    changed : Signal
        Another part is chosen.
    """

    changed = Signal()

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self._bench, self._begun = bench, ""
        self.what = combo(
            "What is computed. A box is drawn as a rectangle in a shapes layer; the rest can be "
            "added to the same result later",
            _WORDS,
        )
        self.around = spin("Slices before, and as many behind, the one in view", 0, 4096, _AROUND)
        self.around.setPrefix("± ")
        self.around.setSuffix(" slices")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(5)
        row.addWidget(self.what, 1)
        row.addWidget(self.around)
        self.what.currentIndexChanged.connect(self._on_chosen)
        bench.opened.connect(self._on_chosen)
        self._on_chosen()

    @property
    def chosen(self) -> Any:
        """One of `WHOLE`, `VIEW`, `DRAWN` and `BEGUN`."""
        return self.what.currentData()

    def choose(self, what: str) -> None:
        """Choose one of them."""
        self.what.setCurrentIndex(self.what.findData(what))

    @property
    def box(self) -> str:
        """The box as a command takes it; empty for the whole image.

        Raises
        ------
        InputError
            If nothing is in view or drawn.
        """
        chosen, bench = self.chosen, self._bench
        if chosen == BEGUN:
            return self._begun
        if chosen == WHOLE:
            return ""
        find = field_in_view if chosen == VIEW else drawn_box
        return written(find(bench.viewer, bench.opened_image, self.around.value()))

    def offer_begun(self, box: str) -> None:
        """Offer, and choose, the box that a stopped output began with; none where it is empty."""
        self._begun = box
        at = self.what.findData(BEGUN)
        if at >= 0 and not box:
            self.what.removeItem(at)
        elif at < 0 and box:
            with signals_blocked(self.what):
                self.what.addItem("the box it began with", BEGUN)
        if box:
            self.choose(BEGUN)
        self._on_chosen()

    def _on_chosen(self) -> None:
        volume = self._bench.volume
        flat = volume is not None and volume.shape[0] == 1
        self.around.setVisible(self.chosen in (VIEW, DRAWN) and not flat)
        self.changed.emit()
