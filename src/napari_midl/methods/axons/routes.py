"""Minimal paths in a lazy image: only what lies about them is read and searched.

Between two places the way is found on blocks of pixels first, and then drawn finely along it,
window by window. Each search takes a part of a second, in a thread of its own, so that a job that
waits for it can be closed.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.errors import InputError
from napari_midl.methods.axons import minimal_path
from napari_midl.volumes.traces import resample

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_midl.methods.axons.pixels import Pixels

    Find = Callable[..., NDArray[np.float64]]

MARGIN, MARGIN_SHARE = 32.0, 0.15
# Of a box, what is read without a thought, of a coarser level where there is one; and at most.
FEW_VOXELS, MOST_VOXELS = 2**28, 2**31
WINDOW_VOXELS = 2**20
_TANGENT = 20
# Blocks that are searched at once, their least edge in px, and voxels that are read at once.
_BLOCKS, _BLOCK, _AT_ONCE = 2**18, 2, 2**21
# Of a fine window, in px: how far it goes on, in a plane and in a stack, how much further it looks,
# and the deviation of the ridges in it.
_STEPS, _BEYOND, _FINE = (64, 24), 12, (1.5,)
_ROUGH = 0.4  # share of the time to find the rough way


def between(
    pixels: Pixels, start: NDArray[np.float64], end: NDArray[np.float64]
) -> Job[NDArray[np.float64]]:
    """Path ``(n, d)`` of least cost between two places, all in isotropic px.

    It is searched in a box about the two, which grows until the path keeps off its faces.

    Parameters
    ----------
    pixels : Pixels
        The image.
    start, end : ndarray, shape (d,)
        The two places.

    Yields
    ------
    Progress
        Of a total of 1.

    Returns
    -------
    ndarray, shape (n, d)
        Returned by the generator.

    Raises
    ------
    InputError
        If the box would hold more than can be read in reasonable time.
    """
    margin = max(MARGIN, MARGIN_SHARE * float(np.linalg.norm(end - start)))
    while True:
        low, high = np.minimum(start, end) - margin, np.maximum(start, end) + margin
        part = _Part.of_few_voxels(pixels, low, high)
        edge = part.edge_of_blocks()
        blocks = yield from part.blocks(edge)
        search = partial(part.search_blocks, blocks, edge, start, end)
        rough = yield from _found(search, _ROUGH)
        if not part.touched_by(rough, edge):
            return (yield from _refined(pixels, rough, start, end, edge))
        margin *= 2


def _refined(
    pixels: Pixels,
    rough: NDArray[np.float64],
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    edge: float,
) -> Job[NDArray[np.float64]]:
    """A path along a rough one, which lies within some px of it."""
    line = resample(np.concatenate([start[None], rough[1:-1], end[None]]), 1.0)
    room, path, at = 2 * edge + 4, start[None], 0
    step = _STEPS[len(start) - 2]
    while True:
        ahead = min(at + step, len(line) - 1)
        last = min(ahead + _BEYOND, len(line) - 1)
        about = np.concatenate([path[-1:], line[at : last + 1]])
        part = _Part(pixels, about.min(0) - room, about.max(0) + room)
        search = partial(part.search, minimal_path.between, path[-1], line[last], _FINE)
        now = _ROUGH + (1 - _ROUGH) * at / len(line)
        found = yield from _found(search, now)
        if last == len(line) - 1:
            return np.concatenate([path, found[1:]])
        kept = int(np.linalg.norm(found - line[ahead], axis=1).argmin())
        path, at = np.concatenate([path, found[1 : kept + 1]]), ahead


def _found(search: Callable[[], NDArray[np.float64]], now: float) -> Job[NDArray[np.float64]]:
    step = Progress(now, 1, "finding the way between")
    yield step
    return (yield from wait_for(in_thread(search), step))


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
    """A box of an image, or of a coarser level of it."""

    def __init__(
        self,
        pixels: Pixels,
        low: NDArray[np.float64],
        high: NDArray[np.float64],
        level: int = 0,
    ) -> None:
        shape = np.array(pixels.shapes[level])
        times = np.array(pixels.shape) / shape
        finest = pixels.spacing.double().numpy()
        self._spacing = finest * times
        # The middle of the first voxel lies further in, the coarser it is.
        self._zero = finest * (times - 1) / 2
        self._first = np.floor(self._voxels(low)).clip(0, shape - 1).astype(int)
        self._last = (np.ceil(self._voxels(high)) + 1).clip(1, shape).astype(int)
        self._open = (self._first > 0, self._last < shape)
        self._pixels, self._level = pixels, level

    @classmethod
    def of_few_voxels(
        cls, pixels: Pixels, low: NDArray[np.float64], high: NDArray[np.float64]
    ) -> _Part:
        """The box at the finest level at which it is small, or at the coarsest."""
        for level in range(len(pixels.shapes)):
            part = cls(pixels, low, high, level)
            count = np.prod(part._last - part._first)
            if count <= FEW_VOXELS:
                return part
        if count > MOST_VOXELS:
            raise InputError(
                "The two places lie too far apart to search all that is between; give places on "
                "the way, or trace the fibre from one of them."
            )
        return part

    def _voxels(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Isotropic px as voxels of the level."""
        return np.asarray((places - self._zero) / self._spacing)

    def search(
        self,
        find: Find,
        one: NDArray[np.float64],
        other: NDArray[np.float64],
        widths: Sequence[float] = minimal_path.WIDTHS,
    ) -> NDArray[np.float64]:
        """A path found in the voxels of the box, back in isotropic px."""
        block = self._pixels.block(self._first.tolist(), self._last.tolist(), self._level)
        costs = minimal_path.cost(block, widths)
        here = [self._voxels(place) - self._first for place in (one, other)]
        path = find(costs, *here, tuple(self._spacing))
        return np.asarray((path + self._first) * self._spacing + self._zero)

    def edge_of_blocks(self) -> float:
        """Edge in px of the blocks, of which so many as can be searched at once fill the box."""
        edge = float(_BLOCK)
        while np.prod(np.ceil((self._last - self._first) / self._factors(edge))) > _BLOCKS:
            edge *= 2
        return edge

    def _factors(self, edge: float) -> NDArray[np.int_]:
        """Voxels of a block along each axis."""
        return np.asarray(np.maximum(1, np.round(edge / self._spacing)), int)

    def blocks(self, edge: float) -> Job[NDArray[np.float32]]:
        """The intensities of the blocks, read slab by slab."""
        factors = self._factors(edge)
        whole = self._last - self._first
        deep = max(1, int(_AT_ONCE / np.prod(whole[1:]) / factors[0])) * int(factors[0])
        slabs = []
        for begin in range(int(self._first[0]), int(self._last[0]), deep):
            share = (begin - self._first[0]) / whole[0]
            yield Progress(0.5 * _ROUGH * float(share), 1, "looking between the two")
            first, last = self._first.copy(), self._last.copy()
            first[0], last[0] = begin, min(begin + deep, self._last[0])
            read = partial(self._pixels.block, first.tolist(), last.tolist(), self._level)
            slab = yield from wait_for(in_thread(read), Progress(0, 0, "looking between the two"))
            slabs.append(_reduced(slab, factors))
        return np.concatenate(slabs)

    def search_blocks(
        self,
        blocks: NDArray[np.float32],
        edge: float,
        start: NDArray[np.float64],
        end: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """A path through the middles of blocks, in isotropic px."""
        size = self._factors(edge) * self._spacing
        middle = self._zero + self._first * self._spacing + (size - self._spacing) / 2
        costs = minimal_path.cost(blocks)
        one, other = ((place - middle) / size for place in (start, end))
        path = minimal_path.between(costs, one, other, tuple(size))
        return np.asarray(path * size + middle)

    def touched_by(self, path: NDArray[np.float64], edge: float = 1.0) -> bool:
        """Whether a path comes to a face beyond which the image goes on."""
        voxels, near = np.rint(self._voxels(path)), self._factors(edge) - 1
        low, high = voxels <= self._first + near, voxels >= self._last - 1 - near
        return bool((low & self._open[0]).any() or (high & self._open[1]).any())


def _reduced(block: NDArray[np.float32], factors: NDArray[np.int_]) -> NDArray[np.float32]:
    """The brightest of the means over two voxels each way, in each block.

    A mean over a whole block would lose a thin fibre, and the brightest voxel is noise.
    """
    pairs = np.where(factors % 2 == 0, 2, 1)
    return _by(_by(block, pairs, np.mean), factors // pairs, np.max)


def _by(
    block: NDArray[np.float32], factors: NDArray[np.int_], reduce: Callable[..., Any]
) -> NDArray[np.float32]:
    room = [(0, int(-n % f)) for n, f in zip(block.shape, factors, strict=True)]
    block = np.pad(block, room, mode="edge")
    parts = [side for n, f in zip(block.shape, factors, strict=True) for side in (n // f, f)]
    return np.asarray(reduce(block.reshape(parts), axis=tuple(range(1, 2 * len(factors), 2))))
