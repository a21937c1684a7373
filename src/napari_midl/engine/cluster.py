"""The same tiles on the workers of a ``dask.distributed`` cluster.

Inputs, models and outputs have to be files that every worker reaches by the same path. Each
worker loads the model once and writes its own chunks; the pyramid is made here.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from multiprocessing import parent_process
from pathlib import Path
from threading import Event, Lock
from time import sleep
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.engine.memory import allocate_for_networks
from napari_midl.engine.output_images import Output
from napari_midl.engine.prediction import compute_core
from napari_midl.engine.ready_model import ReadyModel
from napari_midl.engine.tiles import Missing
from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_midl.engine.dense import DenseModel, Source
    from napari_midl.engine.journal import Journal

_LOADING = Lock()


def connect(address: str, model: DenseModel) -> Job[Any]:
    """A client of a scheduler, to be closed.

    Parameters
    ----------
    address : str
        Address of the scheduler, such as ``tcp://host:8786``.
    model : DenseModel
        What the workers are to load.

    Raises
    ------
    InputError
        If the model's input lies in no file, ``distributed`` is not installed, or nothing
        answers at the address.
    """
    if model.source is None:
        raise InputError(
            f"{model.channels[0].name} is in no file that the workers of a cluster could read; "
            "save it and open the file, or drop --scheduler."
        )
    try:
        from distributed import Client
    except ImportError:
        raise InputError(
            "--scheduler needs dask.distributed; run: pip install 'napari-midl[distributed]'."
        ) from None
    step = Progress(0, 0, f"connecting to {address}")
    try:
        # Not the default of the process, whose other arrays are no business of the cluster.
        calling = in_thread(lambda: Client(address, timeout="10s", set_as_default=False))
        return (yield from wait_for(calling, step))
    except (OSError, ValueError) as error:
        raise InputError(
            f"no dask scheduler answers at {address} ({error}); start one, or drop --scheduler."
        ) from error
    except BaseException:  # cancelled while it connects
        calling.add_done_callback(lambda done: done.exception() or done.result().close())
        raise


def predict_tiles_on(
    client: Any,
    model: DenseModel,
    output: Output,
    journal: Journal,
    focus: Sequence[float] | None = None,
) -> Job[None]:
    """Compute the tiles that the journal lacks on the workers of a cluster.

    Parameters
    ----------
    client : distributed.Client
        The cluster.
    model : DenseModel
        What to compute; the workers load its source.
    output : Output
        Its output, open here.
    journal : Journal
        What is done already.
    focus : sequence of float, optional
        Voxel at which a person looks.

    Yields
    ------
    Progress
        In tiles; its preview is the region just finished, or None while it waits.

    Raises
    ------
    InputError
        If a worker cannot read the input, sees another one, or is killed by a tile.
    """
    from distributed import CancelledError, KilledWorker, as_completed

    assert model.source is not None
    tiling = model.tiling
    task = Task(model.source, str(journal.out.resolve()), _text(model.identity()))
    wanted = Missing(tiling, journal, focus, model.box)
    missing = iter(wanted)
    running: set[Any] = set()
    finished = as_completed(loop=client.loop)
    try:
        while wanted.done < wanted.total:
            # Two for each thread: none has to wait, and the scheduler never holds millions.
            threads = sum(client.nthreads().values())
            for index in islice(missing, max(2 * threads - len(running), 0)):
                future = client.submit(predict_tile, index, task, pure=False)
                running.add(future)
                finished.add(future)
            step = wanted.progress(words="" if threads else "waiting for workers")
            region = None
            if finished.has_ready():
                future = next(finished)
                running.discard(future)
                index = future.result()
                region = tiling.core(index)
                output.update_pyramid(region)
                journal.mark(index)
            else:
                sleep(0.1)
            yield replace(step, preview=region)
    except KilledWorker as error:
        raise InputError(
            "a tile ended its worker several times, probably for lack of memory; choose smaller "
            "tiles, or give the workers more memory."
        ) from error
    except CancelledError as error:
        raise InputError(
            "the scheduler is gone; start it again and go on with --resume."
        ) from error
    finally:
        client.cancel(list(running))


class Task(NamedTuple):
    """What a worker is to do, and the key of what it keeps between tiles.

    With the identity in the key a worker that lives for long does not go on with an input or a
    model that was replaced under the same path.
    """

    source: Source
    out: str
    identity: str


def predict_tile(index: int, task: Task) -> int:
    """Read, compute and write one tile; runs on a worker."""
    with _LOADING:  # or each of a worker's threads would load the model for itself
        ready, output = _kept(task)
    core = ready.tiling.core(index)
    block = ready.read(ready.tiling.expand(core)[0])
    output.write_finest(core, compute_core(ready.tiling, core, block, ready.compute, Event()))
    return index


@lru_cache(maxsize=2)
def _kept(task: Task) -> tuple[ReadyModel, Output]:
    if parent_process() is not None:  # a worker that shares its process with others is a guest
        allocate_for_networks()
    model = task.source.load()
    if _text(model.identity()) != task.identity:
        raise InputError(
            f"a worker of the cluster finds another {model.channels[0].name} or another model by "
            "the same path; give paths that mean the same files on every machine."
        )
    ready = ReadyModel(model)
    return ready, Output(model, Path(task.out))


def _text(identity: dict[str, Any]) -> str:
    return json.dumps(identity, sort_keys=True)
