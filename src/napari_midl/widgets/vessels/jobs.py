"""What the dock starts: jobs that load what they need, and leave their record.

They run in a worker thread. torch is imported there, and not before.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.engine.runs import Run, read_run, record_path, write_run
from napari_midl.errors import InputError
from napari_midl.volumes.annotations import AnnotationStore
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.volume import hash_volume
from napari_midl.widgets.project import MODELS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_midl.engine.models import Model
    from napari_midl.methods.vessels.analyse import VesselGraph
    from napari_midl.methods.vessels.apply import Proposal
    from napari_midl.methods.vessels.learn import Finetuned
    from napari_midl.methods.vessels.settings import FinetuneSettings, PredictSettings
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.volume import Volume
    from napari_midl.widgets.looking import Box


@dataclass(frozen=True)
class Tuned:
    """A fine-tuned model as it was saved.

    Parameters
    ----------
    path : Path
        The model.
    before, after : dict of str to float
        ``dice``, ``precision`` and ``recall`` on held-out blocks, or empty.
    steps : int
        Steps taken.
    """

    path: Path
    before: dict[str, float]
    after: dict[str, float]
    steps: int


def finetune(
    volume: Volume,
    patches: Sequence[Patch],
    choice: str | Path,
    settings: FinetuneSettings,
    view: Callable[[], Box | None],
    path: Path,
    channel: int = 0,
    time_point: int = 0,
) -> Job[Tuned]:
    """Fine-tune, and save the model, a copy of the patches and the record at `path`."""
    started = time.monotonic()
    model = yield from _load(choice, settings.seed)
    from napari_midl.engine.models import check_model_path, save_model
    from napari_midl.methods.vessels import learn
    from napari_midl.methods.vessels.inputs import patches_identity

    check_model_path(path)
    # In the order in which a replay will find them in the folder.
    patches = sorted(patches, key=lambda patch: f"{patch.name}.tif")
    result: Finetuned = yield from learn.finetune(volume, patches, model, settings, view)
    yield Progress(1, 1, "saving the model", preview=_look(volume, result.model, view()))
    labels = path.with_name(f"{path.stem} patches")
    store = AnnotationStore(labels, volume)
    for patch in patches:
        store.save(patch)
    sha256 = save_model(result.model, path)
    run = Run(
        "vessels.finetune",
        {
            "image": volume.source,
            "labels": str(labels.resolve()),
            "model": _place(choice),
            "channel": channel,
            "time": time_point,
        },
        settings.to_dict(),
        inputs={
            "image": volume.identity(),
            "labels": patches_identity(patches),
            "model": {"sha256": model.sha256},
        },
        outputs={"model": {"path": str(path), "sha256": sha256}},
        results={"steps": result.steps, "before": result.before, "after": result.after},
        seconds=time.monotonic() - started,
    )
    write_run(run, record_path(path))
    return Tuned(path, result.before, result.after, result.steps)


def propose(
    volume: Volume, patches: Sequence[Patch], choice: str | Path, side: int, device: str
) -> Job[list[Proposal]]:
    """Where to paint next."""
    model = yield from _load(choice)
    from napari_midl.methods.vessels import apply

    return (
        yield from apply.propose(
            volume, model, patches, count=4, size=(1, side, side), device=device
        )
    )


def predict(
    volume: Volume,
    choice: str | Path,
    out: Path,
    settings: PredictSettings,
    focus: Sequence[int],
    resume: bool,
    channel: int = 0,
    time_point: int = 0,
) -> Job[Path]:
    """Predict the volume into `out`, and leave the record beside it."""
    started = time.monotonic()
    model = yield from _load(choice)
    from napari_midl.methods.vessels import apply

    if resume:
        _check_model(out, choice, model)
    journal = yield from apply.predict(volume, model, out, settings, focus, resume)
    sha256 = yield from wait_for(
        in_thread(lambda: hash_volume(open_volume(out))), Progress(1, 1, "writing the record")
    )
    run = Run(
        "vessels.predict",
        {
            "image": volume.source,
            "model": _place(choice),
            "channel": channel,
            "time": time_point,
        },
        settings.to_dict(),
        inputs={"image": volume.identity(), "model": {"sha256": model.sha256}},
        outputs={"prediction": {"path": str(out), "sha256": sha256}},
        seconds=time.monotonic() - started,
    )
    write_run(run, record_path(out))
    journal.close()
    return out


def analyse(mask: Volume, min_length: float = 0) -> Job[VesselGraph]:
    """Skeleton, branches and radii of a mask."""
    step = Progress(0, 0, "loading")

    def load() -> Any:
        from napari_midl.methods.vessels import analyse

        return analyse

    module = yield from wait_for(in_thread(load), step)
    return (yield from module.analyse(mask, min_length))


def write_labels(mask: Volume, image: Path, name: str) -> Job[Path]:
    """Write a mask as labels of an OME-Zarr image, slab by slab; all of them or none."""
    group = OmeZarrImage.open(image)
    labels = group.create_labels(name, colors={1: (220, 60, 60, 255)})
    depth = labels.levels[0].chunks[0]
    try:
        for start in range(0, mask.shape[0], depth):
            yield Progress(start, mask.shape[0], f"writing labels/{name}")
            slab = slice(start, min(start + depth, mask.shape[0]))
            block = np.asarray(mask.data[slab].compute(scheduler="synchronous"), np.uint8)
            labels.write((slab, slice(None), slice(None)), block)
    except BaseException:
        # A cancelled job ends with GeneratorExit. Half of the labels would pass for all of them.
        group.remove_labels(name)
        raise
    return labels.path


def _place(choice: str | Path) -> str:
    """Name of a shipped model, or the whole path of a file."""
    return choice if isinstance(choice, str) else str(choice.resolve())


def _look(volume: Volume, model: Model, box: Box | None) -> tuple[Box, Any] | None:
    from napari_midl.methods.vessels.apply import predict_region

    return (box, predict_region(volume, model, box)) if box is not None else None


def _load(choice: str | Path, seed: int = 0) -> Job[Model]:
    def load() -> Model:
        from napari_midl.methods.vessels.models import named_model

        return named_model(choice, seed)

    return (yield from wait_for(in_thread(load), Progress(0, 0, "loading the network")))


def is_unfinished(out: Path) -> bool:
    """Whether a prediction was left before its end, so that it can be resumed."""
    return out.is_dir() and _journal(out).exists()


def settings_of_unfinished(out: Path, device: str) -> PredictSettings:
    """The settings with which an unfinished prediction began; only they can go on with it.

    Raises
    ------
    InputError
        If they cannot be read.
    """
    from napari_midl.methods.vessels.settings import PredictSettings

    try:
        header = json.loads(_journal(out).read_text().split("\n")[0])
        return PredictSettings.from_dict({**header["settings"], "device": device})
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{_journal(out)} cannot be read ({error}); choose another name and predict anew."
        ) from error


def _check_model(out: Path, choice: str | Path, model: Model) -> None:
    """Say which model to choose, where it is not the one with which a prediction began."""
    began = json.loads(_journal(out).read_text().split("\n")[0])["model"]
    if began == model.sha256:
        return
    records = [read_run(path) for path in (out.parent.parent / MODELS).glob("*.run.json")]
    made = [record.outputs["model"] for record in records]
    names = [Path(model["path"]).stem for model in made if model["sha256"] == began]
    wanted = f"the model {names[0]}" if names else "another model"
    chosen = choice if isinstance(choice, str) else choice.stem
    raise InputError(
        f"{out.name} was begun with {wanted}, not with {chosen}; choose that under Learn to go on "
        "with it, or name a new prediction."
    )


def _journal(out: Path) -> Path:
    return out.with_name(out.name + ".progress")
