"""A curtain between two pictures: one left of it, the other right of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSlider
from superqt.utils import qthrottled

from napari_midl.methods.staining.colours import Curtain, curtains
from napari_midl.widgets.images import placed_over, stay_over
from napari_midl.widgets.layers import OURS, is_ours, read_anew, take_out
from napari_midl.widgets.parts.section import button, combo
from napari_midl.widgets.parts.two_of import TwoOf
from napari_midl.widgets.staining.bench import StainingBench
from napari_midl.widgets.staining.curtain_hold import CurtainHold
from napari_midl.widgets.tool.section import ToolSection

if TYPE_CHECKING:
    from collections.abc import Sequence

CURTAIN = "curtain"
_STEPS = 1000
_DOWN = "Take down"


class CompareSection(ToolSection[StainingBench]):
    """Puts one colour layer behind a curtain over another."""

    heading = "Compare"

    def __init__(self, bench: StainingBench) -> None:
        super().__init__(bench)
        self._curtains: list[Curtain] = []
        self._curtain: Image | None = None
        self._between: tuple[Image, ...] = ()
        self._picked = False
        self.left = combo("What to show left of the curtain")
        self.right = combo("What to show right of the curtain")
        self._pair = TwoOf[Image](
            self.left, self.right, lambda layer: str(layer.name), _last_stains
        )
        self.swipe = button("Swipe", "Show one left and the other right", self._on_swipe)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _STEPS)
        self.slider.setValue(_STEPS // 2)
        self.slider.setToolTip("Where the curtain hangs; its edge can be dragged on the image too")
        self.swipe.setMinimumWidth(self.swipe.fontMetrics().horizontalAdvance(_DOWN) + 24)
        self._hold = CurtainHold(bench.viewer, self._share, self._to_share)
        self.row("Left", self.left, stretch=1)
        self.row("Right", self.right, stretch=1)
        self.row(self.swipe, self.slider, stretch=1)
        self._draw = qthrottled(self._on_moved, timeout=40)
        self.slider.valueChanged.connect(lambda _: self._draw())
        bench.layers_changed.connect(self._on_layers)
        for made in (self.left, self.right):
            made.currentIndexChanged.connect(lambda _: self._on_chosen())
            made.activated.connect(lambda _: self._on_picked())
        self._on_layers()

    def _on_layers(self) -> None:
        """Keep the lists of pictures."""
        present = self.bench.viewer.layers
        if self._curtain not in present:
            self._curtain = None
            self._hold.take(None)
        if self._curtain is not None and not all(each in present for each in self._between):
            self._put_away()  # it would show what is gone, under the name of another
        pictures = [
            p for p in present if isinstance(p, Image) and p.rgb and CURTAIN not in p.metadata
        ]
        if pictures != self._pair.things:
            # What is newest is of interest, until a person chooses.
            self._pair.offer(pictures, anew=not self._picked and self._curtain is None)
        self._show()

    def _on_picked(self) -> None:
        self._picked = True

    def _on_swipe(self) -> None:
        if self._curtain is not None:
            self._take_down()
            return
        self._on_layers()  # a look may have put another on top since
        left, right = self._pair.chosen
        assert left is not None and right is not None
        levels = list(left.data) if left.multiscale else [left.data]
        self._curtains = curtains(levels, self._share())
        for layer in self._pair.things:
            layer.visible = layer is right
        self._uncover(right)
        self._between = left, right
        self._curtain = self.bench.viewer.add_image(
            self._curtains if left.multiscale else self._curtains[0],
            multiscale=left.multiscale,
            rgb=True,
            name=f"{CURTAIN}: {left.name}",
            metadata={OURS: "made by the staining dock", CURTAIN: True},
            **placed_over(left, (0,) * left.ndim),
        )
        read_anew(self._curtain)
        stay_over(left, self._curtain, (0,) * left.ndim)
        self._hold.take(self._curtain)
        self._show()

    def _uncover(self, right: Image) -> None:
        """Hide the gray steps of a look that lie over what is to be seen right of the curtain."""
        layers = self.bench.viewer.layers
        for layer in layers[layers.index(right) + 1 :]:
            if isinstance(layer, Image) and is_ours(layer) and not layer.rgb and layer.opacity == 1:
                layer.visible = False

    def _take_down(self) -> None:
        self._put_away()
        if (left := self._pair.chosen[0]) is not None:
            left.visible = True
        self._show()

    def _put_away(self) -> None:
        """Take the curtain out, and show what of its two pictures is there."""
        curtain, self._curtain = self._curtain, None
        self._hold.take(None)
        take_out(self.bench.viewer, curtain)
        for picture in self._between:
            picture.visible = True
        self._between = ()

    def _on_chosen(self) -> None:
        if self._curtain is not None:
            self._take_down()
            if self.swipe.isEnabled():
                self._on_swipe()
        self._show()

    def _on_moved(self) -> None:
        for curtain in self._curtains:
            curtain.share = self._share()
        if self._curtain is not None and self._curtain in self.bench.viewer.layers:
            self._curtain.refresh(thumbnail=False, highlight=False, extent=False)

    def _share(self) -> float:
        return self.slider.value() / _STEPS

    def _to_share(self, share: float) -> None:
        self.slider.setValue(round(share * _STEPS))

    def shut_down(self) -> None:
        """Listen to the mouse no more."""
        self._hold.stop()

    def _show(self) -> None:
        up, (left, right) = self._curtain is not None, self._pair.chosen
        two = left is not None and left is not right
        self.swipe.setText(_DOWN if up else "Swipe")
        self.swipe.setToolTip(
            "Take the curtain down"
            if up
            else "Show one left and the other right"
            if two
            else "Choose two different ones"
            if len(self._pair.things) > 1
            else "Two stains are needed; look with another method, or show an earlier stain"
        )
        self.swipe.setEnabled(up or two)
        self.slider.setEnabled(up)


def _last_stains(pictures: Sequence[Image]) -> tuple[int, int]:
    """What was stained before and what was stained last; a slide beside them is no stain."""
    every = range(len(pictures))
    stains = [place for place in every if is_ours(pictures[place])] or [0, *every]
    return stains[-2:][0], stains[-1]
