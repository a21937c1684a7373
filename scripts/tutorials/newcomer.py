"""A process as somebody begins who has never used the suite, or napari, before."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def newcomer() -> Iterator[dict[str, str]]:
    """The environment of a process that finds no settings or projects, and leaves none behind."""
    with tempfile.TemporaryDirectory(prefix="midl-") as folder:
        own = dict.fromkeys(("XDG_DATA_HOME", "XDG_STATE_HOME", "NAPARI_MIDL_CACHE"), folder)
        yield {**os.environ, **own, "NAPARI_CONFIG": "", "OMP_WAIT_POLICY": "PASSIVE"}
