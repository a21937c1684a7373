"""What belongs to an image in its project folder, written behind the scenes on every change."""

from __future__ import annotations

from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import not_written
from napari_midl.widgets.threads import OneThread

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
        self._thread = OneThread()
        self._lock = Lock()
        self._next: tuple[Path, Any] | None = None

    def save(self, path: Path, state: Any) -> None:
        """Write this soon."""
        with self._lock:
            self._next = path, state
        self._thread.start(self._write_next)

    def flush(self) -> bool:
        """Wait until everything is written; False if that takes longer than one should wait.

        It is written nevertheless, unless the program is killed.
        """
        return self._thread.wait(LONGEST_WAIT_MS, self)

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
            # The dock may have been closed, and this object with it.
            with suppress(RuntimeError):
                self.failed.emit(error)
