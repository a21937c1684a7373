"""What the sections of the dock share: the open image, its patches, and the job under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error, show_info

from napari_midl.errors import InputError
from napari_midl.methods.vessels.classes import CLASSES
from napari_midl.widgets.bench import Bench
from napari_midl.widgets.images import channel_of, volume_of
from napari_midl.widgets.patches import PatchLayers
from napari_midl.widgets.project import default_folder, patches_folder

if TYPE_CHECKING:
    from pathlib import Path

    from napari.layers import Image
    from qtpy.QtCore import QObject

    from napari_midl.widgets.vessels.layers import PredictionLayers


class Workbench(Bench):
    """The state of the dock; the sections change it and follow its signals.

    Attributes
    ----------
    patches : PatchLayers
        What is painted.
    prediction : PredictionLayers or None
        The prediction that is shown.
    threshold : float
        Probability from which a voxel counts as vessel.
    """

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(viewer, parent)
        self.patches = PatchLayers(viewer, CLASSES, self)
        self.prediction: PredictionLayers | None = None
        self.threshold = 0.5
        self.patches.changed.connect(self.changed)
        self.patches.failed.connect(self.report)

    def open(
        self, image: Image, channel: int = 0, time: int = 0, folder: Path | None = None
    ) -> None:
        """Change to an image, and show what was painted on it before.

        Raises
        ------
        InputError
            If the image cannot be used; then none is open. Or if what is painted can be saved
            neither where it was nor in `folder`; then nothing changes.
        """
        try:
            self.patches.save()
        except InputError:
            # Another folder for the same image is what the message asks for.
            if folder is None or image is not self.image:
                raise
            self.patches.save(patches_folder(folder, self.channel, self.time))
        self.close()
        volume = volume_of(image, channel, time)
        channel = channel_of(image, channel)
        self.image, self.volume, self.channel, self.time = image, volume, channel, time
        self.folder = folder or default_folder(volume)
        problems = self.patches.attach(image, volume, patches_folder(self.folder, channel, time))
        for problem in problems:
            show_error(problem)
        if self.patches.names:
            show_info(f"Restored {len(self.patches.names)} patch(es) from {self.folder}")
        self.opened.emit()
        self.changed.emit()

    def close(self) -> None:
        """Close the image; what was painted on it is saved.

        Raises
        ------
        InputError
            If it cannot be saved; then nothing changes.
        """
        self.patches.detach()
        self.runner.cancel()
        self.show_prediction(None)
        self.image = self.volume = self.folder = None
        self.opened.emit()
        self.changed.emit()

    def show_prediction(self, prediction: PredictionLayers | None) -> None:
        """Show another prediction in the place of the last."""
        if self.prediction is not None:
            self.prediction.remove()
        self.prediction = prediction
        self.changed.emit()

    def shut_down(self) -> None:
        """End the job, save what was painted, and take the patches out of the viewer.

        The next dock brings them back from their files; patches that cannot be saved stay.
        """
        self.ended = True
        self.runner.shut_down()
        try:
            self.patches.detach()
        except InputError as error:
            self.report(error)
