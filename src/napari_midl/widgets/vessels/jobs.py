"""What the dock starts: jobs that load what they need, and leave their record.

They run in a worker thread. torch is imported there, and not before.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.engine.journal import begun_with, unfinished
from napari_midl.engine.runs import read_run
from napari_midl.errors import InputError
from napari_midl.volumes.annotations import AnnotationStore
from napari_midl.widgets.project import MODELS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_midl.engine.models import Model
    from napari_midl.engine.runs import Run
    from napari_midl.methods.vessels.analyse import VesselGraph
    from napari_midl.methods.vessels.apply import Proposal
    from napari_midl.methods.vessels.settings import FinetuneSettings, PredictSettings
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.volume import Volume
    from napari_midl.widgets.looking import Box


def finetune(
    volume: Volume,
    patches: Sequence[Patch],
    choice: str | Path,
    settings: FinetuneSettings,
    view: Callable[[], Box | None],
    enough: Callable[[], bool],
    path: Path,
    channel: int = 0,
    time: int = 0,
) -> Job[Run]:
    """Fine-tune, and save the model, a copy of the patches and the record at `path`."""
    model = yield from _load(choice, settings.seed)
    from napari_midl.engine.models import check_model_path
    from napari_midl.methods.vessels import learn
    from napari_midl.methods.vessels.records import Task, keep_finetuned

    check_model_path(path)
    task = Task(volume, model, str(choice), settings, channel, time)
    labels = path.with_name(f"{path.stem} patches")
    store = AnnotationStore(labels, volume)
    # In the order in which a replay will find them in the folder.
    patches = sorted(patches, key=lambda patch: store.path(patch.name))
    tuned = yield from learn.finetune(volume, patches, model, settings, view, enough)
    yield Progress(1, 1, "saving the model", preview=_look(volume, tuned.model, view()))
    for patch in patches:
        store.save(patch)
    return keep_finetuned(task, tuned, path, labels, patches)


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
    time: int = 0,
) -> Job[Path]:
    """Predict the volume into `out`, and leave the record beside it."""
    model = yield from _load(choice)
    from napari_midl.methods.vessels import apply
    from napari_midl.methods.vessels.records import Task, keep_prediction

    if resume:
        _check_model(out, choice, model)
    task = Task(volume, model, str(choice), settings, channel, time)
    journal = yield from apply.predict(volume, model, out, settings, focus, resume)
    yield from keep_prediction(task, journal, out)
    return out


def analyse(mask: Volume, min_length: float = 0) -> Job[VesselGraph]:
    """Skeleton, branches and radii of a mask."""
    step = Progress(0, 0, "loading")

    def load() -> Any:
        from napari_midl.methods.vessels import analyse

        return analyse

    module = yield from wait_for(in_thread(load), step)
    return (yield from module.analyse(mask, min_length))


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
    return unfinished(out)


def settings_of_unfinished(out: Path, device: str) -> PredictSettings:
    """The settings with which an unfinished prediction began; only they can go on with it.

    Raises
    ------
    InputError
        If they cannot be read.
    """
    from napari_midl.methods.vessels.settings import PredictSettings

    try:
        return PredictSettings.from_dict({**begun_with(out)["settings"], "device": device})
    except (TypeError, KeyError) as error:
        raise InputError(
            f"the journal of {out} does not hold the settings of a prediction ({error}); choose "
            "another name and predict anew."
        ) from error


def _check_model(out: Path, choice: str | Path, model: Model) -> None:
    """Say which model to choose, where it is not the one with which a prediction began."""
    began = begun_with(out).get("model")
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
