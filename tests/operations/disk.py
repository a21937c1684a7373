"""A disk that fails on demand: every write below a folder is counted, and may be the last."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_MOVING = ("os.rename", "os.remove", "os.rmdir", "os.link", "os.truncate")
_watched: Disk | None = None


class Killed(BaseException):
    """The process is gone; what it would still have written is not."""


class Disk:
    """What is written below a folder.

    Parameters
    ----------
    folder : Path
        Where to watch.
    kill_at, full_at : int, optional
        The write, counted from 0, before which the process dies, or from which there is no room.
    states : Path, optional
        A folder elsewhere. Before each write a copy of `folder` is put there under the number of
        the write: what a process leaves that is killed there.

    Attributes
    ----------
    writes : int
        Files opened for writing, folders made, renames and removals so far.
    fills : list of int
        Those of them that need room.
    """

    def __init__(
        self,
        folder: Path,
        kill_at: int | None = None,
        full_at: int | None = None,
        states: Path | None = None,
    ) -> None:
        self.folder, self.kill_at, self.full_at = str(folder.resolve()), kill_at, full_at
        self.states, self._turn = states, threading.RLock()
        self.writes, self.fills = 0, []

    def heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        fills = event == "os.mkdir" or (event == "open" and _writes(*arguments[1:3]))
        if not fills and event not in _MOVING:
            return
        if not _path(event, arguments).startswith(self.folder):
            return
        with self._turn:
            number, self.writes = self.writes, self.writes + 1
            if fills:
                self.fills.append(number)
            if self.states is not None:
                self._keep(self.states / f"{number}")
        if self.kill_at is not None and number >= self.kill_at:
            raise Killed
        if self.full_at is not None and number >= self.full_at and fills:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _keep(self, place: Path) -> None:
        """Copy the folder; what another thread moves meanwhile is tried again."""
        for _ in range(20):
            try:
                shutil.copytree(self.folder, place)
            except (shutil.Error, FileNotFoundError):
                shutil.rmtree(place, ignore_errors=True)
            else:
                return
        raise AssertionError(f"{self.folder} does not hold still")


def content(folder: Path) -> dict[str, bytes | None]:
    """What is in a folder: the bytes of each file, None for each folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@contextmanager
def watched(disk: Disk) -> Iterator[Disk]:
    """Let a disk hear of every write of this process."""
    global _watched
    _watched = disk
    try:
        yield disk
    finally:
        if disk.kill_at is not None:
            time.sleep(0.1)  # what other threads had begun dies too
        _watched = None


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watched is not None and (event == "open" or event.startswith("os.")):
        _watched.heard(event, arguments)


def _writes(mode: str | None, flags: int | None) -> bool:
    return bool((mode and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & _WRITING))


def _path(event: str, arguments: tuple[Any, ...]) -> str:
    path = arguments[1] if event in ("os.rename", "os.link") else arguments[0]
    if not isinstance(path, (str, bytes, os.PathLike)):
        return ""
    place = Path(os.fsdecode(path))
    folder = arguments[-1] if event in ("os.remove", "os.rmdir", "os.mkdir") else -1
    if not place.is_absolute() and isinstance(folder, int) and folder >= 0:
        # shutil.rmtree names files within a folder that it holds open.
        place = _opened(folder) / place
    return str(place.absolute())


def _opened(handle: int) -> Path:
    """Where a folder lies that is held open."""
    if sys.platform == "darwin":
        import fcntl

        return Path(os.fsdecode(fcntl.fcntl(handle, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0")))
    return Path(f"/proc/self/fd/{handle}").readlink()


sys.addaudithook(_hook)
