"""The vessel operations from paths to paths, each leaving a run record beside its output."""

from __future__ import annotations

import hashlib
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.engine.models import save_model
from napari_midl.engine.runs import Run, record_path, write_run
from napari_midl.errors import InputError
from napari_midl.methods.vessels import apply, learn
from napari_midl.methods.vessels.cluster import predict_on_cluster
from napari_midl.methods.vessels.models import named_model, scratch, whole_name
from napari_midl.methods.vessels.settings import (
    FinetuneSettings,
    PredictSettings,
    PretrainSettings,
)
from napari_midl.volumes.annotations import AnnotationStore, Patch
from napari_midl.volumes.open import open_volume

if TYPE_CHECKING:
    from napari_midl.volumes.volume import Volume

SUFFIX = ".safetensors"
S = TypeVar("S", FinetuneSettings, PretrainSettings)


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
    started = monotonic()
    check_model_path(out)
    volume = open_volume(image).spatial(channel, time)
    painted = read_labels(labels, volume, settings.dense)
    painted_identity = patches_identity(painted)
    start = named_model(model, settings.seed)
    tuned = yield from learn.finetune(volume, painted, start, settings)
    sha256 = save_model(tuned.model, out)
    run = Run(
        "vessels.finetune",
        {
            "image": str(image.resolve()),
            "labels": str(labels.resolve()),
            "model": whole_name(model),
            "channel": channel,
            "time": time,
        },
        settings.to_dict(),
        inputs={
            "image": volume.identity(),
            "labels": painted_identity,
            "model": {"sha256": start.sha256},
        },
        outputs={"model": {"path": str(out.resolve()), "sha256": sha256}},
        results={"steps": tuned.steps, "before": tuned.before, "after": tuned.after},
        seconds=monotonic() - started,
    )
    write_run(run, record_path(out))
    return run


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
    started = monotonic()
    if out.suffix != ".zarr":
        raise InputError(f"{out} does not end in .ome.zarr or .zarr; name the prediction so.")
    if resume and not out.exists():
        raise InputError(f"{out} does not exist, there is nothing to resume; check the path.")
    volume = open_volume(image).spatial(channel, time)
    chosen = named_model(model)
    if scheduler is None:
        journal = yield from apply.predict(volume, chosen, out, settings, resume=resume)
    else:
        journal = yield from predict_on_cluster(
            scheduler, image, model, out, channel, time, settings, resume
        )
    sha256 = yield from wait_for(
        in_thread(lambda: hash_volume(open_volume(out))), Progress(1, 1, "writing the record")
    )
    run = Run(
        "vessels.predict",
        {
            "image": str(image.resolve()),
            "model": whole_name(model),
            "channel": channel,
            "time": time,
        },
        settings.to_dict(),
        inputs={"image": volume.identity(), "model": {"sha256": chosen.sha256}},
        outputs={"prediction": {"path": str(out.resolve()), "sha256": sha256}},
        seconds=monotonic() - started,
    )
    write_run(run, record_path(out))
    journal.close()
    return run


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
    trained = yield from learn.pretrain(
        settings, pairs, checkpoint=out.with_suffix(".checkpoint"), start=model
    )
    sha256 = save_model(trained, out, half=True)
    out.with_suffix(".checkpoint").unlink(missing_ok=True)
    run = Run(
        "vessels.pretrain",
        {
            "stacks": str(stacks.resolve()) if stacks else None,
            "hold_out": hold_out,
            "start": whole_name(start),
        },
        settings.to_dict(),
        inputs={image.name: image.identity() for image, _ in pairs}
        | {"start": {"sha256": model.sha256}},
        outputs={"model": {"path": out.name, "sha256": sha256}},
        results={
            "steps": trained.card["steps"] - model.card["steps"],
            "device": trained.card["device"],
        },
        seconds=monotonic() - started,
    )
    write_run(run, record_path(out))
    return run


def read_labels(path: Path, volume: Volume, dense: bool = False) -> list[Patch]:
    """Labels of a whole volume as one lazy patch, or the patches of a folder.

    Raises
    ------
    InputError
        If their shape is not the volume's, they are no integers, their values are not
        those of strokes (0, 1, 2) although `dense` is not set, or a patch is damaged.
    """
    if path.is_dir() and any(path.glob("*.tif")):
        patches, problems = AnnotationStore(path, volume).load()
        if problems:
            raise InputError(problems[0])
        return patches
    labels = open_volume(path).spatial()
    if labels.shape != volume.shape:
        raise InputError(
            f"{path} has shape {labels.shape} but {volume.name} has {volume.shape}; "
            "give labels of the image's shape."
        )
    if labels.data.dtype.kind not in "biu":
        raise InputError(
            f"{path} holds {labels.data.dtype} values; give integer labels "
            "(0 unlabelled, 1 background, 2 vessel)."
        )
    if dense:
        patch = learn.mask_patch(labels)
        return [Patch(patch.origin, patch.labels, str(path))]
    highest = int(labels.data.max().compute())
    if highest > 2:
        raise InputError(
            f"{path} holds labels up to {highest}; use 0 unlabelled, 1 background, 2 vessel, or "
            "pass --dense if it is a full mask."
        )
    return [Patch((0, 0, 0), labels.data.astype(np.uint8), str(path))]


def read_stacks(folder: Path, hold_out: str = "") -> list[tuple[Volume, Volume]]:
    """Pairs of image and mask in a folder, less those whose name contains `hold_out`.

    Raises
    ------
    InputError
        If there are none.
    """
    names = sorted(path.name.removesuffix("_image.tif") for path in folder.glob("*_image.tif"))
    chosen = [n for n in names if not hold_out or hold_out not in n]
    if not chosen:
        raise InputError(
            f"{folder} holds no pairs NAME_image.tif and NAME_label.tif; give a folder that does."
        )
    return [
        (
            open_volume(folder / f"{name}_image.tif").spatial(),
            open_volume(folder / f"{name}_label.tif").spatial(),
        )
        for name in chosen
    ]


def replay_finetune(run: Run, folder: Path) -> Job[Run]:
    """Do a recorded fine-tuning again, for as many steps as it took."""
    arguments = run.arguments
    return (
        yield from finetune(
            _image(run),
            Path(arguments["labels"]),
            folder / f"again{SUFFIX}",
            arguments["model"],
            arguments["channel"],
            _as_many_steps(FinetuneSettings, run, minutes=600.0),
            arguments.get("time", 0),
        )
    )


def replay_predict(run: Run, folder: Path) -> Job[Run]:
    """Do a recorded prediction again."""
    arguments = run.arguments
    return (
        yield from predict(
            _image(run),
            arguments["model"],
            folder / "again.ome.zarr",
            arguments["channel"],
            PredictSettings.from_dict(run.settings),
            time=arguments.get("time", 0),
        )
    )


def replay_pretrain(run: Run, folder: Path) -> Job[Run]:
    """Make recorded base weights again, in as many steps as it took."""
    stacks = run.arguments["stacks"]
    return (
        yield from pretrain(
            folder / f"again{SUFFIX}",
            Path(stacks) if stacks else None,
            _as_many_steps(PretrainSettings, run, minutes=6000.0),
            run.arguments["hold_out"],
            run.arguments["start"],
        )
    )


OPERATIONS = {
    "vessels.finetune": replay_finetune,
    "vessels.predict": replay_predict,
    "vessels.pretrain": replay_pretrain,
}


def _image(run: Run) -> Path:
    """Where a recorded image lies."""
    if run.arguments["image"] is None:
        raise InputError(
            f"the image of this {run.operation} came from no file; save the image, open the file "
            "and run it again for a record that can be replayed."
        )
    return Path(run.arguments["image"])


def _as_many_steps(kind: type[S], run: Run, minutes: float) -> S:
    """Settings with which only the steps count: the time depends on the computer."""
    return kind.from_dict({**run.settings, "minutes": minutes, "steps": run.results["steps"]})


def check_model_path(out: Path) -> None:
    """Refuse, before anything is computed, an output that could not be written at the end."""
    if out.suffix != SUFFIX:
        raise InputError(f"{out} does not end in {SUFFIX}; name the model so.")
    if out.exists():
        raise InputError(f"{out} exists already; choose another name, nothing is overwritten.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        beside = out.with_name(f".{out.name}.part")
        beside.touch()
        beside.unlink()
    except OSError as error:
        raise InputError(
            f"{out} cannot be written ({error.strerror}); choose a folder that you may write to."
        ) from error


def patches_identity(patches: list[Patch]) -> dict[str, str]:
    """Fingerprint of what is painted, slice by slice."""
    digest = hashlib.sha256()
    for patch in patches:
        digest.update(repr((patch.origin, patch.labels.shape)).encode())
        for plane in patch.labels:
            digest.update(np.ascontiguousarray(plane, np.uint8).tobytes())
    return {"fingerprint": digest.hexdigest()}


def hash_volume(volume: Volume) -> str:
    """SHA-256 over the finest level, plane by plane."""
    digest = hashlib.sha256()
    for block in volume.data.reshape((-1, *volume.shape[-2:])):
        digest.update(np.ascontiguousarray(block).tobytes())
    return digest.hexdigest()
