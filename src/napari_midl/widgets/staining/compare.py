"""A curtain between two pictures: one left of it, the other right of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QSlider
from superqt.utils import qthrottled

from napari_midl.widgets.images import OURS
from napari_midl.widgets.parts.section import Section, button
from napari_midl.widgets.staining.colours import Curtain, curtains

if TYPE_CHECKING:
    from napari_midl.widgets.staining.workbench import Workbench

CURTAIN = "curtain"
_STEPS = 1000


class CompareSection(Section):
    """Puts one colour layer behind a curtain over another."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__("Compare")
        self._bench = bench
        self._layers: list[Image] = []
        self._curtains: list[Curtain] = []
        self._curtain: Image | None = None
        self.left, self.right = QComboBox(), QComboBox()
        self.left.setToolTip("What to show left of the curtain")
        self.right.setToolTip("What to show right of the curtain")
        for combo in (self.left, self.right):
            combo.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
        self.swipe = button("Swipe", "Show one left and the other right", self._on_swipe)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _STEPS)
        self.slider.setValue(_STEPS // 2)
        self.slider.setToolTip("Where the curtain hangs; drag it over the pictures")
        self.row("Left", self.left, stretch=1)
        self.row("Right", self.right, stretch=1)
        self.row(self.swipe, self.slider, stretch=1)
        self._draw = qthrottled(self._on_moved, timeout=40)
        self.slider.valueChanged.connect(lambda _: self._draw())
        layers = bench.viewer.layers
        for event in (layers.events.inserted, layers.events.removed):
            event.connect(self._on_layers)
        for combo in (self.left, self.right):
            combo.currentIndexChanged.connect(lambda _: self._on_chosen())
        self._on_layers()

    def _on_layers(self, event: Any = None) -> None:
        """Keep the lists of pictures."""
        if self._bench.ended:
            return
        layers = [
            layer
            for layer in self._bench.viewer.layers
            if isinstance(layer, Image) and layer.rgb and layer is not self._curtain
        ]
        if self._curtain is not None and self._curtain not in self._bench.viewer.layers:
            self._curtain = None
        if layers == self._layers and event is not None:
            self._show()
            return
        before = [self._chosen(combo) for combo in (self.left, self.right)]
        self._layers = layers
        # A single picture stood for both; now that there is another, take the first two.
        kept = before if before[0] is not before[1] else [None, None]
        for combo, chosen, index in ((self.left, kept[0], 0), (self.right, kept[1], 1)):
            combo.blockSignals(True)
            combo.clear()
            combo.addItems([layer.name for layer in layers])
            place = layers.index(chosen) if chosen in layers else min(index, len(layers) - 1)
            combo.setCurrentIndex(place)
            combo.blockSignals(False)
        self._show()

    def _on_swipe(self) -> None:
        if self._curtain is not None:
            self._take_down()
            return
        left, right = self._chosen(self.left), self._chosen(self.right)
        assert left is not None and right is not None
        viewer = self._bench.viewer
        share = self.slider.value() / _STEPS
        self._curtains = curtains(list(left.data) if left.multiscale else [left.data], share)
        for layer in self._layers:
            layer.visible = layer is right
        self._curtain = viewer.add_image(
            self._curtains if left.multiscale else self._curtains[0],
            multiscale=left.multiscale,
            rgb=True,
            name=f"{CURTAIN}: {left.name}",
            scale=left.scale,
            translate=left.translate,
            units=left.units,
            axis_labels=left.axis_labels,
            metadata={OURS: "made by the staining dock"},
        )
        self._show()

    def _take_down(self) -> None:
        viewer, left = self._bench.viewer, self._chosen(self.left)
        if self._curtain is not None and self._curtain in viewer.layers:
            viewer.layers.remove(self._curtain)
        self._curtain = None
        if left is not None:
            left.visible = True
        self._show()

    def _on_chosen(self) -> None:
        if self._curtain is not None:
            self._take_down()
            if self.swipe.isEnabled():
                self._on_swipe()
        self._show()

    def _on_moved(self) -> None:
        for curtain in self._curtains:
            curtain.share = self.slider.value() / _STEPS
        if self._curtain is not None and self._curtain in self._bench.viewer.layers:
            self._curtain.refresh(thumbnail=False, highlight=False, extent=False)

    def _chosen(self, combo: QComboBox) -> Image | None:
        index = combo.currentIndex()
        return self._layers[index] if 0 <= index < len(self._layers) else None

    def _show(self) -> None:
        up = self._curtain is not None
        self.swipe.setText("Take down" if up else "Swipe")
        two = self._chosen(self.left) is not None and self.left.currentIndex() != (
            self.right.currentIndex()
        )
        self.swipe.setEnabled(up or two)
        self.slider.setEnabled(up)
