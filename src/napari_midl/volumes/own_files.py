"""Files that one window keeps up to date, and which another may write too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import not_written

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class OwnFiles:
    """What this window last saw of its files: what others wrote since is never written over.

    Parameters
    ----------
    tell : callable, optional
        Called with an `InputError`, to be shown, for each file that was put aside.
    """

    def __init__(self, tell: Callable[[InputError], object] = lambda error: None) -> None:
        self.tell = tell
        self._seen: dict[Path, tuple[int, ...] | None] = {}

    def saw(self, path: Path) -> None:
        """Know a file as it is: it was read, or written here."""
        self._seen[path] = _state(path)

    def make_way(self, path: Path) -> None:
        """Move a file aside that another wrote since it was seen, or that never was.

        Raises
        ------
        InputError
            If it cannot be moved.
        """
        if _state(path) in (None, self._seen.get(path)):
            return
        number = 1
        while (aside := path.with_name(f"{path.stem}-other-{number}{path.suffix}")).exists():
            number += 1
        try:
            path.rename(aside)
        except FileNotFoundError:
            return  # the other removed it
        except OSError as error:
            raise not_written(aside, error) from error
        self.tell(
            InputError(
                f"{path} was written by another window too; what that wrote is kept as "
                f"{aside.name}, so close one of the two windows."
            )
        )


def _state(path: Path) -> tuple[int, ...] | None:
    """What changes with each write, also where the clock is wrong; None without a file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
