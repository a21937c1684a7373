"""Between these landmarks and another set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QSlider

from napari_midl.errors import InputError
from napari_midl.methods.anatomy.checks import read_set
from napari_midl.volumes.landmarks import morph
from napari_midl.widgets.anatomy.files import KINDS
from napari_midl.widgets.parts.section import Section, button, note

if TYPE_CHECKING:
    from napari_midl.volumes.landmarks import Landmarks
    from napari_midl.widgets.anatomy.workbench import Workbench

_STEPS = 100


class MorphSection(Section):
    """Slides from these landmarks to those of a file."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__("Morph")
        self._bench = bench
        self.other: Landmarks | None = None
        self.open = button(
            "Other set…",
            "Open the landmarks of another shape, to see what lies between the two",
            self._on_open,
        )
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _STEPS)
        self.slider.setToolTip("Left: these landmarks; right: the other set")
        self.slider.valueChanged.connect(self._on_slid)
        self.take = button(
            "Take", "Go on with the landmarks in between; Undo goes back", self._on_take
        )
        self.about = note("The other set, and how far the mesh is on its way there")
        self.row(self.open, self.slider, self.take, stretch=1)
        self.body.addWidget(self.about)
        bench.opened.connect(self._on_opened)
        bench.placed.connect(self._on_placed)
        bench.changed.connect(self._on_changed)
        self._on_changed()

    @property
    def share(self) -> float:
        """How far the slider is, from 0 to 1."""
        return self.slider.value() / _STEPS

    def _on_open(self) -> None:
        text, _ = QFileDialog.getOpenFileName(self, "Open the other landmarks", "", KINDS)
        if not text:
            return
        try:
            self.other = read_set(Path(text), self._bench.template)
        except InputError as error:
            self._bench.report(error)
            return
        self._name = Path(text).name
        self._bench.changed.emit()

    def _on_slid(self) -> None:
        self._bench.show_instead(self._between() if self.share else None)
        self._on_changed()

    def _between(self) -> Landmarks:
        assert self.other is not None
        return morph(self._bench.landmarks, self.other, self.share)

    def _on_take(self) -> None:
        self._bench.write(self._between())

    def _on_placed(self) -> None:
        """An edit shows the landmarks themselves again."""
        self.slider.blockSignals(True)
        self.slider.setValue(0)
        self.slider.blockSignals(False)
        self._on_changed()

    def _on_opened(self) -> None:
        self.other = None
        self._on_placed()

    def _on_changed(self) -> None:
        can = self.other is not None and bool(self._bench.landmarks.placed.any())
        self.slider.setEnabled(can)
        self.take.setEnabled(can and self.share > 0)
        if self.other is None:
            self.about.setText("")
        else:
            both = int((self.other.placed & self._bench.landmarks.placed).sum())
            self.about.setText(f"{self._name}: {self.share:.0%} of the way; {both} in both sets.")
