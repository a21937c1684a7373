"""Doing recorded vessel runs again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_midl.engine.models import SUFFIX
from napari_midl.engine.runs import recorded_image
from napari_midl.methods.vessels.files import finetune, predict, pretrain
from napari_midl.methods.vessels.labels import labelled
from napari_midl.methods.vessels.settings import (
    FinetuneSettings,
    PredictSettings,
    PretrainSettings,
)

if TYPE_CHECKING:
    from napari_midl.engine.jobs import Job
    from napari_midl.engine.runs import Run


def replay_finetune(run: Run, folder: Path) -> Job[Run]:
    """Do a recorded fine-tuning again, for as many steps as it took."""
    arguments = run.arguments
    return (
        yield from finetune(
            recorded_image(run),
            Path(arguments["labels"]),
            folder / f"again{SUFFIX}",
            arguments["model"],
            arguments["channel"],
            FinetuneSettings.from_dict(run.settings),
            arguments.get("time", 0),
            exactly=run.results["steps"],
        )
    )


def replay_predict(run: Run, folder: Path) -> Job[Run]:
    """Do a recorded prediction again."""
    arguments = run.arguments
    return (
        yield from predict(
            recorded_image(run),
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
            PretrainSettings.from_dict(run.settings),
            run.arguments["hold_out"],
            run.arguments["start"],
            exactly=run.results["steps"],
        )
    )


def replay_labels(run: Run, folder: Path) -> Job[Run]:
    """Cut a recorded prediction again at its threshold; nothing is written."""
    prediction = Path(run.arguments["prediction"])
    return (yield from labelled(prediction, run.settings["threshold"], lambda *_: None))


OPERATIONS = {
    "vessels.finetune": replay_finetune,
    "vessels.labels": replay_labels,
    "vessels.predict": replay_predict,
    "vessels.pretrain": replay_pretrain,
}
