"""Between these landmarks and another set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSlider
from superqt.utils import signals_blocked

from napari_midl.errors import InputError
from napari_midl.methods.anatomy.morphing import morph, superimposed
from napari_midl.widgets.anatomy.bench import AnatomyBench
from napari_midl.widgets.anatomy.files import KINDS
from napari_midl.widgets.anatomy.naming import open_landmarks
from napari_midl.widgets.parts.names import few_of
from napari_midl.widgets.parts.section import note
from napari_midl.widgets.tool.dialogs import ask_open
from napari_midl.widgets.tool.section import ToolSection

if TYPE_CHECKING:
    from napari_midl.volumes.landmarks import Landmarks

_STEPS = 100


class MorphSection(ToolSection[AnatomyBench]):
    """Slides from these landmarks to those of a file."""

    heading = "Morph"

    def __init__(self, bench: AnatomyBench) -> None:
        super().__init__(bench)
        self.other: Landmarks | None = None
        self._name = ""
        self.open = self.action(
            "Other set…",
            "Open the landmarks of another shape, to see what lies between the two; they are\n"
            "turned and shifted onto these first, and keep their size",
            self._on_open,
        )
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _STEPS)
        self.slider.setToolTip("Left: these landmarks; right: the other set")
        self.take = self.action(
            "Take",
            "Go on with the landmarks in between; Undo goes back",
            lambda: bench.edit(bench.editor.write, self.between()),
        )
        self.about = note("The other set, and how far the mesh is on its way there")
        self.row(self.open, self.slider, self.take, stretch=1)
        self.body.addWidget(self.about)
        self.slider.valueChanged.connect(self._on_slid)
        bench.opened.connect(self._on_opened)
        bench.placed.connect(self._on_placed)
        self._show()

    @property
    def share(self) -> float:
        """How far the slider is, from 0 to 1."""
        return self.slider.value() / _STEPS

    def between(self) -> Landmarks:
        """The landmarks at the slider."""
        assert self.other is not None
        return morph(self.bench.landmarks, self.other, self.share)

    def _on_open(self) -> None:
        path = ask_open(self, "Open the other landmarks", KINDS)
        if path is None:
            return
        try:
            other = open_landmarks(self, path, self.bench.editor.template)
            if other is None:
                return
            if self.bench.landmarks.placed.any():
                superimposed(other, self.bench.landmarks)
        except InputError as error:
            self.bench.report(error)
            return
        self.bench.told.emit("")  # of a file that was tried before
        self.other, self._name = other, path.name
        self._show()

    def _on_slid(self) -> None:
        try:
            self.bench.show_morph(self.between() if self.share else None)
        except InputError as error:
            # Landmarks were cleared or moved since the other set was opened.
            self.bench.report(error)
            with signals_blocked(self.slider):
                self.slider.setValue(0)
        self._show()

    def _on_placed(self) -> None:
        """An edit shows the landmarks themselves again."""
        if self.other is not None and self.other.names != self.bench.landmarks.names:
            self.other = None
        with signals_blocked(self.slider):
            self.slider.setValue(0)
        self._show()

    def _on_opened(self) -> None:
        self.other = None
        self._on_placed()

    def _show(self) -> None:
        can = self.other is not None and bool(self.bench.landmarks.placed.any())
        self.slider.setEnabled(can)
        self.take.setEnabled(can and self.share > 0)
        self.about.setVisible(self.other is not None)
        if self.other is not None:
            both = int((self.other.placed & self.bench.landmarks.placed).sum())
            said = f"{self._name}: {self.share:.0%} of the way; {both} in both sets."
            self.about.setText(f"{said}{self._what_goes()}")

    def _what_goes(self) -> str:
        """The landmarks here for which the other set has no place, in a sentence."""
        assert self.other is not None
        here = self.bench.landmarks
        alone = here.placed & ~self.other.placed
        gone = [name for name, alone_ in zip(here.names, alone, strict=True) if alone_]
        return f" Take leaves out what the other set lacks: {few_of(gone)}." if gone else ""
