"""Where the benchmarks begin a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.volumes.traces import Seed, resample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def seed_at(line: NDArray[np.float64], index: int) -> Seed:
    """A little way in from an end, looking along the fibre."""
    spaced = resample(line, 1.0)
    place, ahead = spaced[index], spaced[min(index + 12, len(spaced) - 1)]
    y, x = place.tolist()
    dy, dx = (ahead - place).tolist()
    return Seed("fibre", (0.0, y, x), (0.0, dy, dx))
