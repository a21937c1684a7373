"""A process as somebody begins who has never used the suite, or napari, before."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def newcomer() -> Iterator[dict[str, str]]:
    """The environment of a process that finds no settings or projects, and leaves none behind."""
    with tempfile.TemporaryDirectory(prefix="midl-") as folder:
        # The end of the path is seen in the docks.
        data = Path(folder) / "home" / "ana" / "data"
        data.mkdir(parents=True)
        names = "XDG_DATA_HOME", "XDG_STATE_HOME", "NAPARI_MIDL_CACHE"
        own = dict.fromkeys(names, str(data))
        yield {**os.environ, **own, "NAPARI_CONFIG": "", "OMP_WAIT_POLICY": "PASSIVE"}
