"""Places of doubt that a person found fine: they are kept, and not asked about again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_midl.errors import InputError
from napari_midl.volumes.tables import refuse_cut, write_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.methods.axons.doubts import Doubt

    Place = tuple[float, float, float]

_COLUMNS = ["z", "y", "x"]
# A trace that was changed at a place has no longer a point right there.
_SAME = 1e-3


def not_fine(doubts: Iterable[Doubt], fine: Sequence[Place]) -> list[Doubt]:
    """The places of doubt that are at none of these voxels ``(z, y, x)``."""
    places = np.reshape(fine, (-1, 3))
    return [doubt for doubt in doubts if not _is_at(doubt, places)]


def _is_at(doubt: Doubt, places: NDArray[np.float64]) -> bool:
    return bool((np.abs(places - doubt.position) < _SAME).all(axis=1).any())


def fine_file(traces: Path) -> Path:
    """Where they are kept, beside the file of the traces."""
    return traces.with_name(traces.name.replace("traces", "fine places", 1))


def write_fine(path: Path, places: Sequence[Place]) -> None:
    """Write places as a table ``z,y,x`` in voxels.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    write_table(pd.DataFrame(np.reshape(places, (-1, 3)), columns=_COLUMNS), path)


def read_fine(path: Path) -> list[Place]:
    """Read what `write_fine` wrote; none where there is no file.

    Raises
    ------
    InputError
        If it is damaged.
    """
    if not path.exists():
        return []
    refuse_cut(path)
    try:
        table = pd.read_csv(path)[_COLUMNS].astype(float)
        return [(z, y, x) for z, y, x in table.to_numpy().tolist()]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path} is no table of the columns z, y and x; delete it, and mark fine places anew."
        ) from error
