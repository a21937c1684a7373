"""A computation over the tiles of a volume on this machine.

Reading, computing and writing overlap in threads, and some tiles may be computed side by side. A
tile is noted in the journal once all of it is written; what is not noted is done again, and since a
tile does not depend on the order of the tiles, the result is the same to the bit.

Before all else a small piece is computed where a person looks, so that there is soon something to
see. Its tile is written over it: how a block is cut may change the last bit.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.engine.devices import take_a_share_of_threads
from napari_midl.engine.jobs import Job, wait_for
from napari_midl.engine.tiles import Missing
from napari_midl.errors import InputError
from napari_midl.volumes.boxes import Box, corner_of, seen_from

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_midl.engine.journal import Journal
    from napari_midl.engine.tiles import Tiling

    Compute = Callable[[NDArray[Any], Box, Event], NDArray[Any]]


def predict_tiles(
    tiling: Tiling,
    read: Callable[[Box], NDArray[Any]],
    compute: Compute,
    write: Callable[[Box, NDArray[Any]], None],
    journal: Journal,
    focus: Sequence[float] | None = None,
    box: Box | None = None,
    at_once: int = 1,
    glimpse: int = 0,
) -> Job[None]:
    """Compute the tiles that the journal lacks, nearest to `focus` first.

    Parameters
    ----------
    tiling : Tiling
        How the volume is cut.
    read : callable
        Gives the input of a region, with axes that end in ``z, y, x``.
    compute : callable
        Maps an input block, the part of it that is wanted and an event that asks it to stop to
        the output of that part with channels first, ``(C, z, y, x)``. If it raises
        `MemoryError` the tile is halved.
    write : callable
        Stores the output ``(C, z, y, x)`` of a core.
    journal : Journal
        What is done already.
    focus : sequence of float, optional
        Voxel at which a person looks.
    box : tuple of slice, optional
        What is wanted of the volume: only tiles that meet it are computed.
    at_once : int
        Tiles to compute side by side, each with its part of the processor's threads. One more is
        read ahead.
    glimpse : int
        Voxels of a piece to show before the first tile, if there is a focus; 0 for none.

    Yields
    ------
    Progress
        In tiles; its preview is the region just written, or None while it waits.
    """
    wanted, stop = Missing(tiling, journal, focus, box), Event()
    missing, progress = iter(wanted), wanted.progress
    reader, writer = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
    sharing = partial(take_a_share_of_threads, at_once) if at_once > 1 else None
    computer = ThreadPoolExecutor(at_once, initializer=sharing)

    def computed(part: Box) -> Future[NDArray[Any]]:
        reading = reader.submit(read, tiling.expand(part)[0])
        return computer.submit(lambda: compute_core(tiling, part, reading.result(), compute, stop))

    def finish(index: int, block: NDArray[Any]) -> Box:
        core = tiling.core(index)
        write(core, block)
        journal.mark(index)
        return core

    under_way: deque[tuple[int, Future[NDArray[Any]]]] = deque()

    def begin() -> None:
        for index in islice(missing, at_once + 1 - len(under_way)):
            under_way.append((index, computed(tiling.core(index))))

    try:
        yield progress()
        if piece := wanted.glimpse(glimpse) if glimpse else None:
            # Alone, since the window needs a core to make room for it.
            block = yield from wait_for(computed(piece), progress())
            yield from wait_for(writer.submit(write, piece, block), progress())
            yield progress(piece)
        begin()
        while under_way:
            index, computing = under_way.popleft()
            result = yield from wait_for(computing, progress())
            begin()  # the next are computed while this one is written
            region = yield from wait_for(writer.submit(finish, index, result), progress())
            yield progress(region)
    finally:
        stop.set()
        for executor in (reader, computer, writer):
            executor.shutdown(wait=True, cancel_futures=True)


def compute_core(
    tiling: Tiling, core: Box, block: NDArray[Any], compute: Compute, stop: Event
) -> NDArray[Any]:
    """Output ``(C, z, y, x)`` of a core from its padded block, in halves where memory runs out.

    Raises
    ------
    InputError
        If not even the smallest part fits into the memory.
    """
    outer, inner = tiling.expand(core)
    parts = tiling.halves(core)
    try:
        return compute(block, inner, stop)
    except MemoryError as error:
        if len(parts) < 2:
            raise InputError(
                "the memory is too small for even the smallest tile; close other programs, or "
                "compute on another device."
            ) from error
    # Not above, where the error would hold on to what the computation had taken so far.
    axis = next(i for i in range(3) if parts[0][i] != core[i])
    halves = []
    for part in parts:
        inside: tuple[Any, ...] = seen_from(tiling.expand(part)[0], corner_of(outer))
        halves.append(compute_core(tiling, part, block[(..., *inside)], compute, stop))
    return np.concatenate(halves, axis + 1)
