"""What the sections of the segmentation dock share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from napari_midl.widgets.tool.class_layers import ClassLayers
from napari_midl.widgets.tool.classes_bench import ClassesBench

if TYPE_CHECKING:
    from qtpy.QtCore import QObject


class SegmentBench(ClassesBench[ClassLayers]):
    """Pictures and stacks, any classes, and what was found."""

    plane_will_do: ClassVar[bool] = True
    colours_will_do: ClassVar[bool] = True

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(viewer, parent)
        self.renamed.connect(self._recolour)

    def show(self, layers: ClassLayers | None) -> None:
        """Show another segmentation, in the colours that its classes have in the dock."""
        super().show(layers)
        self._recolour()

    def _recolour(self) -> None:
        if self.shown is not None:
            self.shown.recolour(self.classes.colours)
