"""The axon operations from paths to paths, each leaving a run record beside its output."""

from __future__ import annotations

import hashlib
from time import monotonic
from typing import TYPE_CHECKING

from napari_midl.engine.checkpoints import Checkpoint
from napari_midl.engine.models import check_model_path, save_model, whole_name
from napari_midl.engine.runs import Run, record_path, write_run
from napari_midl.errors import InputError
from napari_midl.methods.axons import apply, learn
from napari_midl.methods.axons.models import named_model
from napari_midl.methods.axons.settings import FinetuneSettings, TraceSettings, TrainSettings
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.traces import (
    check_target,
    read_seeds,
    read_traces,
    swc_size,
    write_traces,
)

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.engine.jobs import Job


def trace(
    image: Path,
    seeds: Path,
    out: Path,
    model: str = "base",
    channel: int = 0,
    time: int = 0,
    settings: TraceSettings | None = None,
) -> Job[Run]:
    """Trace fibres from a table of seeds.

    Parameters
    ----------
    image : Path
        The image.
    seeds : Path
        SEEDS.csv, ``path,y,x[,z][,dy,dx[,dz]]`` in voxels.
    out : Path
        TRACES.csv, in voxels, or TRACES.swc, in micrometres (in what the image counts in, where
        it has no unit of length) with the table beside it.
    model : str
        ``base``, or the path of a model.
    channel : int
        Channel of the image to look at.
    time : int
        Time point to look at.
    settings : TraceSettings, optional
        How to follow.

    Returns
    -------
    Run
        The record, returned by the generator; it is also written beside `out`.

    Raises
    ------
    InputError
        If something cannot be read, does not fit or cannot be written.
    """
    settings = settings or TraceSettings()
    started = monotonic()
    check_target(out)
    if not out.parent.is_dir():
        raise InputError(f"{out.parent} is no folder; make it first, or choose another.")
    volume = open_volume(image).spatial(channel, time)
    wanted = read_seeds(seeds)
    chosen = named_model(model)
    found = yield from apply.trace(volume, wanted, chosen, settings)
    write_traces(out, found, *swc_size(volume))
    run = Run(
        "axons.trace",
        {
            "image": str(image.resolve()),
            "seeds": str(seeds.resolve()),
            "model": whole_name(model),
            "channel": channel,
            "time": time,
            "out": out.name,
        },
        settings.to_dict(),
        inputs={
            "image": volume.identity(),
            "seeds": {"sha256": _hash(seeds)},
            "model": {"sha256": chosen.sha256},
        },
        outputs={"traces": {"path": str(out.resolve()), "sha256": _hash(out)}},
        results={
            "traces": len(found),
            "length": sum(t.length(volume.voxel_size) for t in found),
        },
        seconds=monotonic() - started,
    )
    write_run(run, record_path(out))
    return run


def finetune(
    image: Path,
    traces: Path,
    out: Path,
    model: str = "base",
    channel: int = 0,
    time: int = 0,
    settings: FinetuneSettings | None = None,
    *,
    exactly: int | None = None,
) -> Job[Run]:
    """Fine-tune a tracker on the traces of an image and save it.

    Parameters
    ----------
    image : Path
        The image.
    traces : Path
        TRACES.swc in micrometres, or TRACES.csv in voxels.
    out : Path
        The ``.safetensors`` file to write.
    model : str
        ``base``, or the path of a model.
    channel : int
        Channel of the image to look at.
    time : int
        Time point to look at.
    settings : FinetuneSettings, optional
        How to train.
    exactly : int, optional
        Train for this many steps, whatever the settings say, as a replay does.

    Returns
    -------
    Run
        The record, returned by the generator; it is also written beside `out`.

    Raises
    ------
    InputError
        If something cannot be read, does not fit or cannot be written.
    """
    settings = settings or FinetuneSettings()
    started = monotonic()
    check_model_path(out)
    volume = open_volume(image).spatial(channel, time)
    known = read_traces(traces, swc_size(volume)[0])
    start = named_model(model)
    tuned = yield from learn.finetune(volume, known, start, settings, exactly=exactly)
    sha256 = save_model(tuned.model, out)
    run = Run(
        "axons.finetune",
        {
            "image": str(image.resolve()),
            "traces": str(traces.resolve()),
            "model": whole_name(model),
            "channel": channel,
            "time": time,
        },
        settings.to_dict(),
        inputs={
            "image": volume.identity(),
            "traces": {"sha256": _hash(traces)},
            "model": {"sha256": start.sha256},
        },
        outputs={"model": {"path": str(out.resolve()), "sha256": sha256}},
        results={"steps": tuned.steps, "before": tuned.before, "after": tuned.after},
        seconds=monotonic() - started,
    )
    write_run(run, record_path(out))
    return run


def train(
    out: Path, settings: TrainSettings | None = None, *, exactly: int | None = None
) -> Job[Run]:
    """Train a tracker on synthetic fibres and save it.

    Parameters
    ----------
    out : Path
        The ``.safetensors`` file to write; a training that was stopped goes on.
    settings : TrainSettings, optional
        The agent, the images, how long.
    exactly : int, optional
        Train for this many steps, whatever the settings say, as a replay does.

    Returns
    -------
    Run
        The record, returned by the generator; it is also written beside `out`.
    """
    settings = settings or TrainSettings()
    started = monotonic()
    check_model_path(out)
    checkpoint = Checkpoint.beside(out, settings, {})
    model = yield from learn.train(settings, checkpoint, exactly=exactly)
    sha256 = save_model(model, out, half=True)
    checkpoint.remove()
    run = Run(
        "axons.train",
        {},
        settings.to_dict(),
        outputs={"model": {"path": out.name, "sha256": sha256}},
        results={"steps": model.card["steps"], "calibration": model.card["calibration"]},
        seconds=monotonic() - started,
    )
    write_run(run, record_path(out))
    return run


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
