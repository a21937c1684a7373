"""Training from folders to a model file, with a run record beside it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.engine.checkpoints import Checkpoint
from napari_midl.engine.folding import fold_batch_norm
from napari_midl.engine.jobs import Job, Progress
from napari_midl.engine.models import Model, check_model_path, save_model, whole_name
from napari_midl.engine.runs import Run, record_path, write_run
from napari_midl.errors import InputError
from napari_midl.methods.staining.apply import ready
from napari_midl.methods.staining.learn import train_despeckler, train_stain
from napari_midl.methods.staining.models import named_despeckler
from napari_midl.methods.staining.mosaic import Mosaic
from napari_midl.methods.staining.pictures import read_pictures
from napari_midl.methods.staining.pipeline import Despeckled, Exposed, Pipeline
from napari_midl.methods.staining.settings import (
    DespeckleSettings,
    TrainDespecklerSettings,
    TrainSettings,
)
from napari_midl.methods.staining.sources import read_channel
from napari_midl.methods.staining.synthetic import synthetic_mosaic
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

SYNTHETIC = "synthetic"
SYNTHETIC_MOSAICS, SYNTHETIC_SHAPE = 12, (640, 640)
FLUORESCENCE, REFLECTANCE = "_fluorescence", "_reflectance"


def teach_despeckler(
    slides: Path, out: Path, settings: TrainDespecklerSettings | None = None
) -> Job[Run]:
    """Train a despeckler on a folder of slides and save it.

    Parameters
    ----------
    slides : Path
        Folder of H&E pictures without speckle.
    out : Path
        The ``.safetensors`` file to write, in half precision; a training that was stopped
        goes on.
    settings : TrainDespecklerSettings, optional
        The network, the speckle, how long.

    Returns
    -------
    Run
        The record, returned by the generator; it is also written beside `out`.

    Raises
    ------
    InputError
        If the folder holds no usable pictures or the output cannot be written.
    """
    settings = settings or TrainDespecklerSettings()
    started = monotonic()
    check_model_path(out)
    pictures = read_pictures(slides)
    inputs = _fingerprints(pictures)
    checkpoint = Checkpoint.beside(out, settings, inputs)
    model = yield from train_despeckler(pictures, settings, checkpoint)
    return _keep(
        "staining.train-despeckler",
        {"slides": str(slides)},
        settings,
        inputs,
        model,
        checkpoint,
        out,
        started,
    )


def teach_stain(
    confocal: Path | str,
    slides: Path,
    out: Path,
    settings: TrainSettings | None = None,
    despeckler: str = "base",
) -> Job[Run]:
    """Train a stain on a folder of mosaics and a folder of slides, and save it.

    Parameters
    ----------
    confocal : Path or "synthetic"
        Folder of pairs ``NAME_fluorescence`` and ``NAME_reflectance``, TIFF or OME-Zarr.
    slides : Path
        Folder of H&E pictures at the mosaics' resolution.
    out : Path
        The ``.safetensors`` file to write, in half precision; a training that was stopped
        goes on.
    settings : TrainSettings, optional
        The generator, how long.
    despeckler : str
        ``base`` (shipped) or the path of the model that despeckles the mosaics first.

    Returns
    -------
    Run
        The record, returned by the generator; it is also written beside `out`.

    Raises
    ------
    InputError
        If a folder holds nothing usable or the output cannot be written.
    """
    settings = settings or TrainSettings()
    started = monotonic()
    check_model_path(out)
    pictures = read_pictures(slides)
    cleaner = named_despeckler(despeckler)
    mosaics = {}
    pairs = _pairs(confocal, settings.seed)
    for done, (name, mosaic) in enumerate(pairs.items()):
        yield Progress(done, len(pairs), f"despeckling {name}")
        mosaics[name] = yield from _despeckled(mosaic, cleaner)
    inputs = _fingerprints({**mosaics, **pictures})
    inputs["despeckler"] = {"sha256": cleaner.sha256}
    checkpoint = Checkpoint.beside(out, settings, inputs)
    model = yield from train_stain(mosaics, pictures, settings, checkpoint)
    return _keep(
        "staining.train",
        {
            "confocal": str(confocal),
            "slides": str(slides),
            "despeckler": whole_name(despeckler),
        },
        settings,
        inputs,
        model,
        checkpoint,
        out,
        started,
    )


def _pairs(confocal: Path | str, seed: int) -> dict[str, Mosaic]:
    """The mosaics of a folder by name, or synthetic ones."""
    if str(confocal) == SYNTHETIC:
        made = {}
        for index in range(SYNTHETIC_MOSAICS):
            drawn = synthetic_mosaic(SYNTHETIC_SHAPE, np.random.default_rng((seed, index)))
            channels = [Volume.from_array(c[None]) for c in (drawn.fluorescence, drawn.reflectance)]
            made[f"{SYNTHETIC} {index}"] = Mosaic(channels)
        return made
    folder = Path(confocal)
    paths = {path.name: path for path in sorted(folder.glob("*"))}
    found = {}
    for name, path in paths.items():
        other = paths.get(name.replace(FLUORESCENCE, REFLECTANCE))
        if FLUORESCENCE in name and other is not None:
            found[name.split(FLUORESCENCE)[0]] = Mosaic([read_channel(path), read_channel(other)])
    if not found:
        raise InputError(
            f"{folder} holds no pairs NAME_fluorescence.tif and NAME_reflectance.tif; give a "
            "folder that does."
        )
    return found


def _despeckled(mosaic: Mosaic, despeckler: Model) -> Job[NDArray[np.float32]]:
    """Both channels ``(2, Y, X)`` in [0, 1], the reflectance despeckled and exposed."""
    stages = Despeckled(fold_batch_norm(despeckler.network)), Exposed()
    painter = yield from ready(mosaic, Pipeline(*stages), DespeckleSettings())
    tiling = painter.tiling
    whole = np.zeros((2, *mosaic.shape), np.float32)
    for index in range(len(tiling)):
        yield Progress(index, len(tiling), "despeckling")
        core = tiling.core(index)
        whole[(slice(None), *core)] = painter.look(core)
    return whole[:, 0]


def _fingerprints(images: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {"fingerprint": hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()}
        for name, image in images.items()
    }


def _keep(
    operation: str,
    arguments: dict[str, Any],
    settings: TrainDespecklerSettings | TrainSettings,
    inputs: dict[str, Any],
    model: Model,
    checkpoint: Checkpoint,
    out: Path,
    started: float,
) -> Run:
    sha256 = save_model(model, out, half=True)
    checkpoint.remove()
    run = Run(
        operation,
        arguments,
        settings.to_dict(),
        inputs=inputs,
        outputs={"model": {"path": out.name, "sha256": sha256}},
        results={"steps": model.card["steps"]},
        seconds=monotonic() - started,
    )
    write_run(run, record_path(out))
    return run
