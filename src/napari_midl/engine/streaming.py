"""A dense model over all of an input, tile by tile, into an OME-Zarr that can be looked at.

A method says what is its own in a `DenseModel`. All else is the same for each: `ready_model` has
the device, the scaling and the frozen normalisation, `prediction` the tiles on this machine,
`cluster` those on others, `output_images` what is written. Here they meet the journal.
"""

from __future__ import annotations

import math
from concurrent.futures import wait
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from napari_midl.engine import journal as journals
from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.engine.output_images import Output, create
from napari_midl.engine.pace import LARGE
from napari_midl.engine.prediction import predict_tiles
from napari_midl.engine.ready_model import ReadyModel
from napari_midl.errors import InputError
from napari_midl.volumes.boxes import written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from napari_midl.engine.dense import DenseModel
    from napari_midl.engine.journal import Journal

MOST_TILES = 10**8


def stream(
    model: DenseModel,
    out: Path,
    *,
    focus: Sequence[float] | None = None,
    resume: bool = False,
    scheduler: str | None = None,
    typed: Mapping[str, str] | None = None,
    time: int = 0,
    operation: str = "",
) -> Job[Journal]:
    """Compute a model's output tile by tile into an OME-Zarr.

    What was cancelled or killed goes on by `resume`, and ends with the same bits as if it had
    never stopped; tiles that are halved because the memory runs out have the same bits too,
    as far as the device's convolutions do not depend on the size of a block or the number of
    threads: on most CPUs they do not, on others in the last bit.

    Parameters
    ----------
    model : DenseModel
        What to compute, and which part of its input.
    out : Path
        Folder to write; it must not exist unless `resume`.
    focus : sequence of float, optional
        Voxel ``(z, y, x)`` at which a person looks: tiles are computed from there outwards.
    resume : bool
        Go on with `out`.
    scheduler : str, optional
        Address of a ``dask.distributed`` scheduler on whose workers to compute.
    typed : mapping of str to str, optional
        Voxel sizes that a person typed, which are written with the output: what goes on with it
        has to have the same.
    time : int
        Time point of the input, which the output says of itself.
    operation : str
        What makes it, which the output says too.

    Yields
    ------
    Progress
        In tiles; its preview is the region just written.

    Returns
    -------
    Journal
        Returned by the generator, to be closed once all that belongs to the output is there,
        such as its record; until then the output is not complete and can be resumed.

    Raises
    ------
    InputError
        If the output exists, is another's or cannot be written, or the input or the model
        cannot be used.
    """
    journals.check(out, resume)
    if len(model.tiling) > MOST_TILES:
        raise InputError(
            f"{model.channels[0].name} would be cut into {len(model.tiling):.3g} tiles; choose "
            "larger tiles, or a part of the image."
        )
    step = Progress(0, 0, "looking at the image")
    yield step
    if model.box is None and math.prod(model.tiling.shape) >= LARGE:
        yield replace(step, note=_how_large(model))
    client = None
    if scheduler is not None:
        from napari_midl.engine import cluster

        client = yield from cluster.connect(scheduler, model)
    try:
        ready = yield from wait_for(in_thread(lambda: ReadyModel(model)), step)
        is_new = not out.exists()
        identity = model.identity() | ({"voxel size": dict(typed)} if typed else {})
        if ready.own_range:
            identity |= {"range of intensities": ready.own_range}
        box = written(model.box) if model.box is not None else ""
        make = partial(create, model, time=time, operation=operation)
        beginning = in_thread(lambda: journals.begin(out, identity, make, box))
        try:
            journal = yield from wait_for(beginning, step)
        finally:
            wait([beginning])  # a cancelled run has to be done with `out` before another begins
        journal.done.intersection_update(range(len(model.tiling)))
        output = Output(model, out)
        try:
            if client is None:
                yield from predict_tiles(
                    model.tiling,
                    ready.read,
                    ready.compute,
                    output.write,
                    journal,
                    focus,
                    model.box,
                    ready.at_once,
                    ready.glimpse,
                )
            else:
                yield from cluster.predict_tiles_on(client, model, output, journal, focus)
        except Exception:
            if is_new and not journal.done:
                journal.discard()
            raise
    finally:
        if client is not None:
            client.close()
    return journal


def _how_large(model: DenseModel) -> str:
    billions = math.prod(model.tiling.shape) / 1e9
    return (
        f"{model.channels[0].name} has {billions:,.1f} billion voxels, which are "
        f"{len(model.tiling):,} tiles; a box of it is there sooner."
    )
