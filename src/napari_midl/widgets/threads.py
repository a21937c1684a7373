"""One thread at a time, which may end later than the dock that began it."""

from __future__ import annotations

import atexit
from typing import Any

from qtpy.QtCore import QThreadPool

# A window that closes may not wait longer for what it has told to stop.
LONGEST_WAIT_MS = 1000

# Qt would stop the whole window until a pool's work is done, were the pool deleted sooner.
_LATE: list[OneThread] = []


class OneThread:
    """Runs one piece of work after the other."""

    def __init__(self) -> None:
        self._pool = QThreadPool()
        self._pool.setMaxThreadCount(1)
        self._kept: list[Any] = []

    def start(self, work: Any) -> None:
        """Run a function or a `QRunnable`."""
        self._pool.start(work)

    def wait(self, milliseconds: int, *needed: Any) -> bool:
        """Wait for the work.

        Parameters
        ----------
        milliseconds : int
            The longest wait.
        *needed : Any
            What the work still needs; it is kept alive, if the wait was too short.

        Returns
        -------
        bool
            Whether all of it has ended.
        """
        _LATE[:] = [late for late in _LATE if late._pool.activeThreadCount()]
        if self._pool.waitForDone(milliseconds):
            return True
        self._kept += needed
        _LATE.append(self)
        return False


@atexit.register
def _wait_for_late() -> None:
    # Python would abort the program, were it to end under a thread of Qt.
    for late in _LATE:
        late._pool.waitForDone(-1)
