"""What belongs to an image in its project folder, written behind the scenes on every change."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QThreadPool, Signal

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import not_written

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LONGEST_WAIT_MS = 10_000


class Autosave(QObject):
    """Writes the newest state in a thread of its own; states that were overtaken are left out.

    Parameters
    ----------
    write : callable
        Writes a state to a path; the folder is made before.

    Attributes
    ----------
    failed : Signal(Exception)
        The state could not be written.
    """

    failed = Signal(object)

    def __init__(self, write: Callable[[Path, Any], object], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._write = write
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._lock = Lock()
        self._next: tuple[Path, Any] | None = None

    def save(self, path: Path, state: Any) -> None:
        """Write this soon."""
        with self._lock:
            self._next = path, state
        self._pool.start(self._write_next)

    def flush(self) -> None:
        """Wait until everything is written."""
        self._pool.waitForDone(LONGEST_WAIT_MS)

    def _write_next(self) -> None:
        with self._lock:
            latest, self._next = self._next, None
        if latest is None:
            return
        path, state = latest
        try:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise not_written(path, error) from error
            self._write(path, state)
        except InputError as error:
            self.failed.emit(error)
