"""Writing a file or a folder so that it is there whole or not at all."""

from __future__ import annotations

import glob
import os
import shutil
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PART = ".part"


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Lend a path beside `path`, and move it there once the block has ended well.

    Each writer has a name of its own, so that of two who write at once the later one wins, and
    neither publishes what the other has half written. The file is on the disk before it takes
    its name.

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
    beside = _beside(path)
    try:
        yield beside
        to_disk(beside)
        os.replace(beside, path)
        to_disk(path.parent)
    except OSError as error:
        raise not_written(path, error) from error
    finally:
        # A missing or read-only folder was reported already.
        with suppress(OSError):
            beside.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Lend a hidden path beside a folder that is to be made, and move it there at the end.

    Parameters
    ----------
    path : Path
        A folder that does not exist.

    Yields
    ------
    Path
        Where to make it; removed if the block raises.

    Raises
    ------
    InputError
        If `path` exists, also if it has come while the block ran, or cannot be written.
    """
    beside = _beside(path)
    refuse_existing(path)
    try:
        yield beside
        refuse_existing(path)  # renaming would silently replace an empty folder
        beside.rename(path)
    except BaseException as error:
        remove_folder(beside)
        if isinstance(error, OSError):
            raise not_written(path, error) from error
        raise
    to_disk(path.parent)


def remove_leftovers(path: Path) -> None:
    """Delete what killed writers of `path` left beside it; nobody may be writing now."""
    begins = f".{path.name}."
    for left in path.parent.glob(f"{glob.escape(begins)}*{PART}"):
        if "." in left.name[len(begins) : -len(PART)]:
            continue  # of another path, whose name goes on
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def remove_folder(folder: Path) -> None:
    """Delete what a failed or cancelled writer left.

    zarr writes side by side and tells of the first failure while its other writes are still
    on their way, so where folders were made one look is not enough.
    """
    plain = not any(made.is_dir() for made in folder.glob("*"))
    for _ in range(1 if plain else 5):
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05)


def refuse_existing(path: Path) -> None:
    """Refuse a path that is taken.

    Raises
    ------
    InputError
        If so.
    """
    if path.exists():
        raise InputError(f"{path} exists already; choose another name, nothing is overwritten.")


def not_written(path: Path, error: OSError) -> InputError:
    """Return the sentence for a file or folder that the system refuses to write."""
    return InputError(
        f"{path} cannot be written ({error.strerror or error}); choose a folder that exists, that "
        "you may write to and that has room."
    )


def to_disk(path: Path) -> None:
    """Have the system write a file, or a folder's list of files, to the disk now."""
    if path.is_dir():
        with suppress(OSError):  # Windows opens no folders, and some network drives sync none
            _sync(path, os.O_RDONLY)
    else:
        _sync(path, os.O_RDWR)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid4().hex[:8]}{PART}")
