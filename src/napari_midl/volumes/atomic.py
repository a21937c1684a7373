"""Writing a file so that it is there whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Lend a path beside `path`, and move it there once the block has ended well.

    Parameters
    ----------
    path : Path
        The file to write; what it held before stays until it is replaced at once.

    Yields
    ------
    Path
        Where to write; removed if the block raises.

    Raises
    ------
    InputError
        If the folder cannot be written or has no room.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        yield beside
        os.replace(beside, path)
    except OSError as error:
        raise not_written(path, error) from error
    finally:
        # A missing or read-only folder was reported already.
        if beside.exists():
            beside.unlink()


def not_written(path: Path, error: OSError) -> InputError:
    """Return the sentence for a file or folder that the system refuses to write."""
    return InputError(
        f"{path} cannot be written ({error.strerror or error}); choose a folder that exists, that "
        "you may write to and that has room."
    )


def to_disk(path: Path) -> None:
    """Have the system write a file, or a folder's list of files, to the disk now."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
