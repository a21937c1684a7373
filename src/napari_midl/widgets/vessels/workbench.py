"""What the sections of the dock share: the open image, its patches, and the job under way."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QObject, Signal

from napari_midl.errors import InputError
from napari_midl.widgets.images import channel_of, volume_of
from napari_midl.widgets.patches import PatchLayers
from napari_midl.widgets.project import default_folder, patches_folder
from napari_midl.widgets.worker import JobRunner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari.layers import Image

    from napari_midl.engine.jobs import Job, Progress
    from napari_midl.volumes.volume import Volume
    from napari_midl.widgets.vessels.layers import PredictionLayers

_log = logging.getLogger(__name__)


class Workbench(QObject):
    """The state of the dock; the sections change it and follow its signals.

    Attributes
    ----------
    opened : Signal
        Another image, channel or project folder; or none.
    changed : Signal
        Something that buttons and hints depend on.
    image, volume, folder
        The layer, the volume ``Z Y X`` in it and the project folder, or None.
    channel, time : int
        Which channel of the image's file and which time point the volume is.
    prediction : PredictionLayers or None
        The prediction that is shown.
    threshold : float
        Probability from which a voxel counts as vessel.
    ended : bool
        Whether the dock was closed, so that the viewer is no longer its business.
    """

    opened = Signal()
    changed = Signal()

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.viewer = viewer
        self.runner = JobRunner(self)
        self.patches = PatchLayers(viewer, self)
        self.image: Image | None = None
        self.volume: Volume | None = None
        self.folder: Path | None = None
        self.channel = self.time = 0
        self.prediction: PredictionLayers | None = None
        self.threshold = 0.5
        self.ended = False
        self.runner.changed.connect(self.changed)
        self.runner.failed.connect(self.report)
        self.patches.changed.connect(self.changed)
        self.patches.failed.connect(self.report)

    @property
    def idle(self) -> bool:
        """Whether an image is open and no job runs."""
        return self.volume is not None and not self.runner.running

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

    def start(
        self,
        title: str,
        job: Job[Any],
        on_result: Callable[[Any], object],
        on_progress: Callable[[list[Progress]], object] | None = None,
        on_finished: Callable[[], object] | None = None,
    ) -> bool:
        """Start a job on the open image, or say why not."""
        image = self.image

        def result(value: Any) -> None:
            # Another image may have been opened while the job came to its end.
            if self.image is image:
                on_result(value)

        def progress(batch: list[Progress]) -> None:
            if self.image is image and on_progress is not None:
                on_progress(batch)

        try:
            self.runner.start(
                title, job, on_result=result, on_progress=progress, on_finished=on_finished
            )
        except InputError as error:
            self.report(error)
            return False
        return True

    def report(self, error: Exception) -> None:
        """Show an error to the person; a surprising one also goes to the log with its trace."""
        if isinstance(error, InputError):
            show_error(str(error))
            return
        title = self.runner.title or "The job"
        _log.error("%s failed", title, exc_info=error)
        show_error(f"{title} failed: {str(error) or type(error).__name__}")

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
