"""What napari has to know of a running job, so that it asks before its window is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.task_status import Status
from qtpy.QtCore import QObject

if TYPE_CHECKING:
    from napari_midl.widgets.worker import JobRunner


class AskedOnClosing(QObject):
    """Enters the job of a runner on napari's list of tasks while it runs.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose window may be closed.
    runner : JobRunner
        Becomes the parent.
    who : str
        What to call the dock.
    """

    def __init__(self, viewer: Any, runner: JobRunner, who: str) -> None:
        super().__init__(runner)
        # napari's own worker threads are entered by these two; it has no public way yet.
        window = getattr(viewer, "window", None)
        self._enter = getattr(window, "_register_task_status", None)
        self._update = getattr(window, "_update_task_status", None)
        self._runner, self._who = runner, who
        self._task, self._busy = None, False
        if self._enter is not None and self._update is not None:
            runner.changed.connect(self._on_changed)

    def _on_changed(self) -> None:
        assert self._enter is not None and self._update is not None
        running = self._runner.running
        if running == self._busy:
            return
        self._busy = running
        said = f"{self._runner.title} is running" if running else ""
        status = Status.BUSY if running else Status.COMPLETED
        if self._task is None:
            self._task = self._enter(self._who, status, said)
        else:
            # Entered once: napari forgets no task.
            self._update(self._task, status, said)
