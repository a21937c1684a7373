"""Places worth painting as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from napari_midl.volumes.tables import write_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_midl.engine.proposals import Proposal

COLUMNS = ("z", "y", "x", "height", "width", "uncertainty", "reason")


def write_places(places: Sequence[Proposal], path: Path) -> None:
    """Write places, one a row: first voxel, size in voxels, how unsure the model is, and why.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    rows = [(*p.origin, *p.shape[1:], p.uncertainty, p.reason) for p in places]
    write_table(pd.DataFrame(rows, columns=list(COLUMNS)), path)
