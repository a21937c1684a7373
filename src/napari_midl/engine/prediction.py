"""Streaming a computation over the tiles of a volume, so that it can be killed and go on.

Reading, computing and writing overlap in three threads. A tile is noted in a journal
beside the output once all of it is written; what is not noted is done again, and since
a tile does not depend on the order of the tiles, the result is the same to the bit.
"""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from threading import Event
from time import sleep
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from napari_midl.engine.jobs import Job, Progress, wait_for
from napari_midl.errors import InputError
from napari_midl.volumes.atomic import not_written, whole_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.engine.tiles import Region, Tiling

Out = TypeVar("Out")


class Journal:
    """The list of finished tiles of one output, a line each, written as they finish.

    Parameters
    ----------
    path : Path
        File of the journal; made if it does not exist.
    identity : dict
        What the output depends on (input, model, settings). A journal of anything else
        is refused, since its tiles would not fit.

    Raises
    ------
    InputError
        If the journal belongs to another prediction or cannot be written.
    """

    def __init__(self, path: Path, identity: dict[str, Any]) -> None:
        self.path = path
        self.done: set[int] = set()
        header = json.dumps(identity, sort_keys=True)
        if not path.exists():
            self._rewrite([header])
            return
        first, *lines = path.read_text(encoding="utf-8").split("\n")
        if first != header:
            changed = _difference(first, identity)
            raise InputError(
                f"{path} was left by a prediction with another {changed}; go on with what it "
                "began with, or choose another output."
            )
        finished = [line for line in lines[:-1] if line.isdigit()]
        self.done = set(map(int, finished))
        if lines[-1:] != [""]:
            # A line cut short by a crash names no finished tile, and must not lead the next one.
            self._rewrite([header, *finished])

    def mark(self, index: int) -> None:
        """Note that a tile is written.

        Raises
        ------
        InputError
            If the note cannot be written.
        """
        try:
            with self.path.open("a") as file:
                file.write(f"{index}\n")
        except OSError as error:
            raise not_written(self.path, error) from error
        self.done.add(index)

    def close(self) -> None:
        """Remove the journal: everything is written."""
        self.path.unlink(missing_ok=True)

    def _rewrite(self, lines: list[str]) -> None:
        with whole_file(self.path) as beside:
            beside.write_text("".join(f"{line}\n" for line in lines))


def begin(
    out: Path,
    identity: dict[str, Any],
    create: Callable[[Path], Out],
    reopen: Callable[[Path], Out],
    resume: bool,
) -> tuple[Out, Journal]:
    """Create an output, or open it to go on, with the list of what is done already.

    Parameters
    ----------
    out : Path
        Folder of the output.
    identity : dict
        What it depends on.
    create, reopen : callable
        Make it, and open it for writing again.
    resume : bool
        Whether to go on with one that is there.

    Raises
    ------
    InputError
        If the output exists and is not to be resumed, is complete, or is another
        prediction's.
    """
    notes = journal_path(out)
    if not out.exists():
        output = create(out)
        notes.unlink(missing_ok=True)
        return output, Journal(notes, identity)
    if not resume:
        raise InputError(
            f"{out} exists already; pass --resume to go on with it, or choose another output."
        )
    if not notes.exists():
        raise InputError(
            f"{out} is complete or not ours, there is nothing to resume; choose another output."
        )
    journal = Journal(notes, identity)
    return reopen(out), journal


def journal_path(out: Path) -> Path:
    """Where the journal of an unfinished output lies: beside it."""
    return out.with_name(out.name + ".progress")


def predict_tiles(
    tiling: Tiling,
    read: Callable[[Region], NDArray[Any]],
    compute: Callable[[NDArray[Any], int, Event], NDArray[Any]],
    write: Callable[[Region, NDArray[Any]], None],
    journal: Journal,
    focus: Sequence[float] | None = None,
) -> Job[None]:
    """Compute the tiles that the journal lacks, nearest to `focus` first.

    Parameters
    ----------
    tiling : Tiling
        How the volume is cut.
    read : callable
        Gives the input of a region, with axes that end in ``z, y, x``.
    compute : callable
        Maps an input block, the tile's index and an event that asks it to stop to an output
        with channels first, ``(C, z, y, x)``. If it raises `MemoryError` the tile is halved.
    write : callable
        Stores the output ``(C, z, y, x)`` of a core.
    journal : Journal
        What is done already.
    focus : sequence of float, optional
        Voxel at which a person looks.

    Yields
    ------
    Progress
        In tiles; its preview is the region just written, or None while it waits.
    """
    order = [i for i in tiling.nearest_first(focus) if i not in journal.done]
    total, stop = len(tiling), Event()
    reader, computer, writer = (ThreadPoolExecutor(1) for _ in range(3))

    def finish(index: int, block: NDArray[Any]) -> Region:
        core = tiling.core(index)
        write(core, block)
        journal.mark(index)
        return core

    def progress(preview: Region | None = None) -> Progress:
        done = len(journal.done)
        return Progress(done, total, f"tile {done} of {total}", preview=preview)

    try:
        yield progress()
        reading = reader.submit(read, tiling.padded(order[0])[0]) if order else None
        writing: Future[Region] | None = None
        for index, following in zip(order, [*order[1:], None], strict=False):
            assert reading is not None
            block = yield from wait_for(reading, progress())
            if following is not None:
                reading = reader.submit(read, tiling.padded(following)[0])
            computing = computer.submit(
                _compute_core, tiling, tiling.core(index), index, block, compute, stop
            )
            result = yield from wait_for(computing, progress())
            if writing is not None:
                region = yield from wait_for(writing, progress())
                yield progress(region)
            writing = writer.submit(finish, index, result)
        if writing is not None:
            region = yield from wait_for(writing, progress())
            yield progress(region)
    finally:
        stop.set()
        for executor in (reader, computer, writer):
            executor.shutdown(wait=True, cancel_futures=True)


def predict_tiles_on(
    client: Any,
    tiling: Tiling,
    work: Callable[..., int],
    arguments: tuple[Any, ...],
    finish: Callable[[Region], None],
    journal: Journal,
) -> Job[None]:
    """Compute the tiles that the journal lacks on the workers of a cluster.

    Parameters
    ----------
    client : distributed.Client
        The cluster.
    tiling : Tiling
        How the volume is cut.
    work : callable
        Reads, computes and writes tile ``index`` on a worker: ``work(index, *arguments)``.
    arguments : tuple
        What else `work` needs; it is sent to the workers.
    finish : callable
        Done here for each finished tile's region, one after the other.
    journal : Journal
        What is done already.

    Yields
    ------
    Progress
        In tiles; its preview is the region just finished, or None while it waits.
    """
    from distributed import as_completed

    missing = iter([i for i in range(len(tiling)) if i not in journal.done])
    running: set[Any] = set()
    finished = as_completed()
    try:
        while len(journal.done) < len(tiling):
            # Two for each thread: none has to wait, and the scheduler never holds millions.
            room = 2 * sum(client.nthreads().values()) - len(running)
            for index in islice(missing, max(room, 0)):
                future = client.submit(work, index, *arguments, pure=False)
                running.add(future)
                finished.add(future)
            done = len(journal.done)
            region = None
            if finished.has_ready():
                future = next(finished)
                running.discard(future)
                index = future.result()
                region = tiling.core(index)
                finish(region)
                journal.mark(index)
            else:
                sleep(0.1)
            yield Progress(done, len(tiling), f"tile {done} of {len(tiling)}", preview=region)
    finally:
        client.cancel(list(running))


def _compute_core(
    tiling: Tiling,
    core: Region,
    index: int,
    block: NDArray[Any],
    compute: Callable[[NDArray[Any], int, Event], NDArray[Any]],
    stop: Event,
) -> NDArray[Any]:
    """Output of a core from its padded block, in halves where memory runs out."""
    outer, inner = tiling.expand(core)
    try:
        return compute(block, index, stop)[(slice(None), *inner)]
    except MemoryError:
        sizes = [(s.stop - s.start) // t for s, t in zip(core, tiling.stride, strict=True)]
        axis = int(np.argmax(sizes))
        if sizes[axis] < 2:
            raise
        middle = core[axis].start + sizes[axis] // 2 * tiling.stride[axis]
        halves = []
        for part in (slice(core[axis].start, middle), slice(middle, core[axis].stop)):
            half = (*core[:axis], part, *core[axis + 1 :])
            region = (half[0], half[1], half[2])
            wanted = tiling.expand(region)[0]
            inside: tuple[Any, ...] = tuple(
                slice(w.start - o.start, w.stop - o.start)
                for w, o in zip(wanted, outer, strict=True)
            )
            part_block = block[(..., *inside)]
            halves.append(_compute_core(tiling, region, index, part_block, compute, stop))
        return np.concatenate(halves, axis + 1)


def _difference(header: str, identity: dict[str, Any]) -> str:
    try:
        before = json.loads(header)
    except ValueError:
        return "program"
    now = json.loads(json.dumps(identity))
    return ", ".join(sorted(k for k in {*before, *now} if before.get(k) != now.get(k))) or "program"
