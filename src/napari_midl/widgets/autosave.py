"""What belongs to an image in its project folder, written behind the scenes on every change."""

from __future__ import annotations

from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import not_written
from napari_midl.volumes.own_files import OwnFiles
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
        The state could not be written, or another window wrote its file meanwhile.
    """

    failed = Signal(object)

    def __init__(self, write: Callable[[Path, Any], object], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._write = write
        self._own = OwnFiles(self._fail)
        self._thread = OneThread()
        self._lock = Lock()
        self._next: tuple[Path, Any] | None = None
        self._not_written: tuple[Path, Any] | None = None

    def saw(self, path: Path) -> None:
        """Know a file as it is, before it is read: what another writes from now on is kept."""
        self._own.saw(path)

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

    def finish(self) -> None:
        """Wait until everything is written; what could not be written is tried again.

        Raises
        ------
        InputError
            If it still cannot, or takes longer than one should wait; it is not forgotten.
        """
        if not self.flush():
            raise InputError("The project is still being written; wait a little, then try again.")
        if self._not_written is not None:
            self._write_at(*self._not_written)
            self._not_written = None

    def _write_next(self) -> None:
        with self._lock:
            latest, self._next = self._next, None
        if latest is None:
            return
        try:
            self._write_at(*latest)
            self._not_written = None
        except InputError as error:
            self._not_written = latest
            self._fail(error)

    def _fail(self, error: InputError) -> None:
        # The dock may have been closed, and this object with it.
        with suppress(RuntimeError):
            self.failed.emit(error)

    def _write_at(self, path: Path, state: Any) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise not_written(path, error) from error
        self._own.make_way(path)
        self._write(path, state)
        self._own.saw(path)
