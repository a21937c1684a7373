"""What the sections of the vessels dock share: the image, its patches and the prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Signal

from napari_midl.engine.project import corrections_folder, patches_folder
from napari_midl.methods.vessels.classes import CLASSES, CORRECTIONS
from napari_midl.volumes.labels import patches_identity
from napari_midl.widgets.patches import PatchLayers
from napari_midl.widgets.tool.paint_bench import PaintBench
from napari_midl.widgets.vessels.layers import PredictionLayers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from qtpy.QtCore import QObject


class VesselsBench(PaintBench[PredictionLayers]):
    """The state of the vessels dock.

    Attributes
    ----------
    patches : PatchLayers
        What is painted.
    corrections : PatchLayers
        What of results was corrected by hand.
    corrected : str
        Fingerprint of these.
    corrected_voxels : int
        How many there are.
    leaving : Signal
        The image is about to be closed.
    threshold : float
        Probability from which a voxel counts as vessel; `result` is emitted when it changes.
    """

    leaving = Signal()

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(viewer, parent)
        self.patches = PatchLayers(viewer, CLASSES, self)
        self.corrections = PatchLayers(viewer, CORRECTIONS, self, noun="correction")
        self.threshold = 0.5
        for painted in (self.patches, self.corrections):
            painted.failed.connect(self.report)
        self.corrected, self.corrected_voxels = "", 0
        self.corrections.changed.connect(self._correct)

    @property
    def painted(self) -> list[tuple[PatchLayers, Callable[[Path, int, int], Path]]]:
        """What teaches, and what corrects results."""
        return [(self.patches, patches_folder), (self.corrections, corrections_folder)]

    def detach(self) -> None:
        """Save what was painted and take it out of the viewer; predictions go with their image."""
        self.leaving.emit()
        super().detach()

    def show(self, layers: PredictionLayers | None) -> None:
        """Show another prediction in the place of the last."""
        if layers is not None:
            layers.correct(self.corrections.patches)
        super().show(layers)

    def cut(self, threshold: float) -> None:
        """Count voxels as vessel from another probability."""
        self.threshold = threshold
        if self.shown is not None:
            self.shown.set_threshold(threshold)
        self.result.emit()

    def _correct(self) -> None:
        # Once for each change: others ask whenever a slider moves.
        patches = self.corrections.patches
        self.corrected = patches_identity(patches)["fingerprint"]
        self.corrected_voxels = sum(int(np.count_nonzero(patch.labels)) for patch in patches)
        if self.shown is not None and not self.ended:
            self.shown.correct(patches)
            self.result.emit()
