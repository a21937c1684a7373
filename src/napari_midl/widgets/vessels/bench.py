"""What the sections of the vessels dock share: the image, its patches and the prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info

from napari_midl.engine.project import patches_folder
from napari_midl.errors import InputError
from napari_midl.methods.vessels.classes import CLASSES
from napari_midl.widgets.patches import PatchLayers
from napari_midl.widgets.tool.stream_section import StreamBench
from napari_midl.widgets.vessels.layers import PredictionLayers

if TYPE_CHECKING:
    from pathlib import Path

    from qtpy.QtCore import QObject


class VesselsBench(StreamBench[PredictionLayers]):
    """The state of the vessels dock.

    Attributes
    ----------
    patches : PatchLayers
        What is painted.
    threshold : float
        Probability from which a voxel counts as vessel; `result` is emitted when it changes.
    """

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(viewer, parent)
        self.patches = PatchLayers(viewer, CLASSES, self)
        self.threshold = 0.5
        self.patches.failed.connect(self.report)

    def keep(self, folder: Path | None = None) -> None:
        """Save what was painted."""
        where = patches_folder(folder, self.channel, self.time) if folder is not None else None
        self.patches.save(where)

    def attach(self) -> None:
        """Show what was painted before."""
        folder = patches_folder(self.opened_folder, self.channel, self.time)
        problems = self.patches.attach(self.opened_image, self.opened_volume, folder)
        if problems:
            self.report(InputError("\n".join(problems)))
        if self.patches.names:
            show_info(f"Restored {len(self.patches.names)} patch(es) from {self.folder}")

    def detach(self) -> None:
        """Save what was painted and take it out of the viewer; predictions go with their image."""
        self.patches.detach()
        if not self.ended:
            self.show(None)

    def show(self, layers: PredictionLayers | None) -> None:
        """Show another prediction in the place of the last."""
        if self.shown is not None:
            self.shown.remove()
        super().show(layers)

    def cut(self, threshold: float) -> None:
        """Count voxels as vessel from another probability."""
        self.threshold = threshold
        if self.shown is not None:
            self.shown.set_threshold(threshold)
        self.result.emit()
