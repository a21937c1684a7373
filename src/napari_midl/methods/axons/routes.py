"""Minimal paths in a lazy image: only what lies about them is read and searched.

The search itself runs in a thread of its own, so that a job that waits for it can be closed.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.errors import InputError
from napari_midl.methods.axons import minimal_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_midl.methods.axons.pixels import Pixels

    Find = Callable[..., NDArray[np.float64]]

MARGIN, MARGIN_SHARE = 32.0, 0.15
MOST_VOXELS = 2**26
WINDOW_VOXELS = 2**20
_TANGENT = 20


def between(
    pixels: Pixels, start: NDArray[np.float64], end: NDArray[np.float64]
) -> Job[NDArray[np.float64]]:
    """Path ``(n, d)`` of least cost between two places, all in isotropic px.

    It is searched in a box about the two, which grows until the path keeps off its faces.

    Raises
    ------
    InputError
        If the box would hold more than fits into memory.
    """
    margin = max(MARGIN, MARGIN_SHARE * float(np.linalg.norm(end - start)))
    while True:
        low, high = np.minimum(start, end) - margin, np.maximum(start, end) + margin
        part = _Part(pixels, low, high)
        search = partial(part.search, minimal_path.between, start, end)
        path = yield from wait_for(in_thread(search), Progress(0, 0, "finding the way between"))
        if not part.touched_by(path):
            return path
        margin *= 2


def ahead(
    pixels: Pixels, start: NDArray[np.float64], way: NDArray[np.float64], longest: float
) -> Job[NDArray[np.float64]]:
    """Path ``(n, d)`` of least mean cost towards the border ahead, all in isotropic px.

    An image larger than a window is crossed window by window.
    """
    small = np.prod(pixels.shape) <= WINDOW_VOXELS
    reach = np.inf if small else WINDOW_VOXELS ** (1 / len(start)) / 2
    path = start[None]
    while True:
        part = _Part(pixels, path[-1] - reach, path[-1] + reach)
        # A direction is the difference of two places.
        search = partial(part.search, minimal_path.ahead, path[-1], path[-1] + way)
        found = yield from wait_for(in_thread(search), Progress(0, 0, "finding the way ahead"))
        path = np.concatenate([path, found[1:]])
        length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
        if len(found) < 2 or not part.touched_by(found[1:]) or length > longest:
            return path
        way = found[-1] - found[max(-_TANGENT, -len(found))]


class _Part:
    """A box of an image in memory."""

    def __init__(self, pixels: Pixels, low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
        self._spacing = pixels.spacing.double().numpy()
        shape = np.array(pixels.shape)
        self._first = np.maximum(0, np.floor(low / self._spacing)).astype(int)
        self._last = np.minimum(shape, np.ceil(high / self._spacing) + 1).astype(int)
        self._open = (self._first > 0, self._last < shape)
        self._pixels = pixels
        if np.prod(self._last - self._first) > MOST_VOXELS:
            raise InputError(
                "The two places lie too far apart to search all that is between; trace the fibre "
                "from one of them, or join nearer places."
            )

    def search(
        self, find: Find, one: NDArray[np.float64], other: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """A path found in the voxels of the box, back in isotropic px."""
        costs = minimal_path.cost(self._pixels.block(self._first.tolist(), self._last.tolist()))
        here = [place / self._spacing - self._first for place in (one, other)]
        path = find(costs, *here, tuple(self._spacing))
        return np.asarray((path + self._first) * self._spacing)

    def touched_by(self, path: NDArray[np.float64]) -> bool:
        """Whether a path comes to a face beyond which the image goes on."""
        voxels = np.rint(path / self._spacing)
        low, high = voxels <= self._first, voxels >= self._last - 1
        return bool((low & self._open[0]).any() or (high & self._open[1]).any())
