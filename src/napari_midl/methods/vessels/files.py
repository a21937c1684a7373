"""The vessel operations from paths to paths, each leaving a run record beside its output."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from napari_midl.engine import journal
from napari_midl.engine.checkpoints import Checkpoint
from napari_midl.engine.models import check_model_path, save_model, whole_name
from napari_midl.engine.runs import Run, record_path, write_run
from napari_midl.errors import InputError
from napari_midl.methods.vessels import apply, learn
from napari_midl.methods.vessels.inputs import read_labels, read_stacks
from napari_midl.methods.vessels.models import named_model, scratch
from napari_midl.methods.vessels.predictor import VesselSource
from napari_midl.methods.vessels.records import Task, keep_finetuned, keep_prediction
from napari_midl.methods.vessels.settings import (
    FinetuneSettings,
    PredictSettings,
    PretrainSettings,
)
from napari_midl.volumes.open import open_volume

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.engine.jobs import Job


def finetune(
    image: Path,
    labels: Path,
    out: Path,
    model: str = "base",
    channel: int = 0,
    settings: FinetuneSettings | None = None,
    time: int = 0,
) -> Job[Run]:
    """Fine-tune a model on a labelled image and save it.

    Parameters
    ----------
    image : Path
        The image.
    labels : Path
        Labels of the image's shape (0 unlabelled, 1 background, 2 vessel), or a folder of
        patches painted in the dock.
    out : Path
        The ``.safetensors`` file to write.
    model : str
        ``base``, ``scratch``, or the path of a model.
    channel : int
        Channel of the image to look at.
    settings : FinetuneSettings, optional
        How to train.
    time : int
        Time point of the image to look at.

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
    check_model_path(out)
    volume = open_volume(image).spatial(channel, time)
    painted = read_labels(labels, volume, settings.dense)
    task = Task(volume, named_model(model, settings.seed), model, settings, channel, time)
    tuned = yield from learn.finetune(volume, painted, task.model, settings)
    return keep_finetuned(task, tuned, out, labels, painted)


def predict(
    image: Path,
    model: str,
    out: Path,
    channel: int = 0,
    settings: PredictSettings | None = None,
    resume: bool = False,
    scheduler: str | None = None,
    time: int = 0,
) -> Job[Run]:
    """Predict the vessels of an image into an OME-Zarr.

    Parameters
    ----------
    image : Path
        The image.
    model : str
        ``base`` or the path of a model.
    out : Path
        The ``.ome.zarr`` or ``.zarr`` folder to write.
    channel : int
        Channel of the image to look at.
    settings : PredictSettings, optional
        Threshold, tile, uncertainty.
    resume : bool
        Go on with an output that was cancelled or killed.
    scheduler : str, optional
        Address of a ``dask.distributed`` scheduler on whose workers to compute.
    time : int
        Time point of the image to look at.

    Returns
    -------
    Run
        The record, returned by the generator; it is also written beside `out`.

    Raises
    ------
    InputError
        If something cannot be read or written, or there is nothing to resume.
    """
    settings = settings or PredictSettings()
    if out.suffix != ".zarr":
        raise InputError(f"{out} does not end in .ome.zarr or .zarr; name the prediction so.")
    journal.check(out, resume)
    volume = open_volume(image).spatial(channel, time)
    task = Task(volume, named_model(model), model, settings, channel, time)
    source = VesselSource.of(image, channel, time, model, settings)
    done = yield from apply.predict(
        volume, task.model, out, settings, None, resume, scheduler, source
    )
    return (yield from keep_prediction(task, done, out))


def pretrain(
    out: Path,
    stacks: Path | None = None,
    settings: PretrainSettings | None = None,
    hold_out: str = "",
    start: str = "scratch",
) -> Job[Run]:
    """Train base weights on synthetic volumes and the labelled stacks of a folder.

    Parameters
    ----------
    out : Path
        The ``.safetensors`` file to write, in half precision.
    stacks : Path, optional
        Folder with pairs ``NAME_image.tif`` and ``NAME_label.tif`` (0 background).
    settings : PretrainSettings, optional
        The network, how long, how fast.
    hold_out : str
        Leave out the stacks whose name contains this.
    start : str
        ``scratch``, or the path of a model to go on from.

    Returns
    -------
    Run
        The record, returned by the generator; it is also written beside `out`.

    Raises
    ------
    InputError
        If the folder holds no pairs or the output cannot be written.
    """
    settings = settings or PretrainSettings()
    started = monotonic()
    check_model_path(out)
    pairs = read_stacks(stacks, hold_out) if stacks is not None else []
    model = scratch(settings.preset, settings.seed) if start == "scratch" else named_model(start)
    inputs = {image.name: image.identity() for image, _ in pairs}
    inputs["start"] = {"sha256": model.sha256}
    checkpoint = Checkpoint.beside(out, settings, inputs)
    trained = yield from learn.pretrain(settings, pairs, checkpoint, start=model)
    sha256 = save_model(trained, out, half=True)
    checkpoint.remove()
    run = Run(
        "vessels.pretrain",
        {
            "stacks": str(stacks.resolve()) if stacks else None,
            "hold_out": hold_out,
            "start": whole_name(start),
        },
        settings.to_dict(),
        inputs=inputs,
        outputs={"model": {"path": out.name, "sha256": sha256}},
        results={
            "steps": trained.card["steps"] - model.card["steps"],
            "device": trained.card["device"],
        },
        seconds=monotonic() - started,
    )
    write_run(run, record_path(out))
    return run
