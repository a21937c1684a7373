"""What the sections of any dock share: the open image and the job under way."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QObject, Signal

from napari_midl.errors import InputError
from napari_midl.widgets.project import set_aside
from napari_midl.widgets.worker import JobRunner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari.layers import Image

    from napari_midl.engine.jobs import Job, Progress
    from napari_midl.volumes.volume import Volume

_log = logging.getLogger(__name__)


class Bench(QObject):
    """The state of a dock; its sections change it and follow its signals.

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
    ended : bool
        Whether the dock was closed, so that the viewer is no longer its business.
    """

    opened = Signal()
    changed = Signal()

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.viewer = viewer
        self.runner = JobRunner(self)
        self.image: Image | None = None
        self.volume: Volume | None = None
        self.folder: Path | None = None
        self.channel = self.time = 0
        self.ended = False
        self.runner.changed.connect(self.changed)
        self.runner.failed.connect(self.report)

    @property
    def idle(self) -> bool:
        """Whether an image is open and no job runs."""
        return self.volume is not None and not self.runner.running

    def start(
        self,
        title: str,
        job: Job[Any],
        on_result: Callable[[Any], object],
        on_progress: Callable[[list[Progress]], object] | None = None,
        on_finished: Callable[[], object] | None = None,
        runner: JobRunner | None = None,
    ) -> bool:
        """Start a job on the open image, by `self.runner` or another, or say why not."""
        volume = self.volume

        def result(value: Any) -> None:
            # Another image may have been opened while the job came to its end.
            if self.volume is volume:
                on_result(value)

        def progress(batch: list[Progress]) -> None:
            if self.volume is volume and on_progress is not None:
                on_progress(batch)

        try:
            (runner or self.runner).start(
                title, job, on_result=result, on_progress=progress, on_finished=on_finished
            )
        except InputError as error:
            self.report(error)
            return False
        return True

    def report(self, error: Exception, title: str = "") -> None:
        """Show an error to the person; a surprising one also goes to the log with its trace."""
        if isinstance(error, InputError):
            show_error(str(error))
            return
        title = title or self.runner.title or "The job"
        _log.error("%s failed", title, exc_info=error)
        show_error(f"{title} failed: {str(error) or type(error).__name__}")

    def report_damaged(self, path: Path, error: InputError) -> None:
        """Show what is wrong with a file of the project, and move it out of the way."""
        self.report(error)
        try:
            show_info(f"It was moved to {set_aside(path)}, and is not written over.")
        except InputError as worse:
            self.report(worse)
