"""One output has one writer at a time, also after a kill."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import not_written, remove_leftovers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def one_writer(out: Path, *beside: Path) -> Iterator[None]:
    """Let nobody else on this machine write `out` meanwhile; the system frees it after a kill.

    Parameters
    ----------
    out : Path
        The output.
    *beside : Path
        Other files that its writers write; what killed writers left of any is deleted first.

    Raises
    ------
    InputError
        If another run writes it.
    """
    from filelock import FileLock, Timeout
    from platformdirs import user_cache_path

    folder = user_cache_path("napari-midl") / "locks"
    name = hashlib.sha256(str(out.resolve()).encode()).hexdigest()[:32]
    lock = FileLock(folder / f"{name}.lock", timeout=0, thread_local=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise InputError(
            f"{out} is being written by another run; wait for it, or choose another output."
        ) from None
    except OSError as error:
        raise not_written(folder, error) from error
    try:
        try:
            for path in (out, *beside):
                remove_leftovers(path)
        except OSError as error:
            raise not_written(out, error) from error
        yield
    finally:
        lock.release()
