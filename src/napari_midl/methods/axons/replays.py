"""Doing recorded axon runs again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_midl.engine.models import SUFFIX
from napari_midl.engine.runs import recorded_image
from napari_midl.methods.axons.files import finetune, trace, train
from napari_midl.methods.axons.settings import FinetuneSettings, TraceSettings, TrainSettings

if TYPE_CHECKING:
    from napari_midl.engine.jobs import Job
    from napari_midl.engine.runs import Run


def replay_trace(run: Run, folder: Path) -> Job[Run]:
    """Trace again."""
    given = run.arguments
    return (
        yield from trace(
            recorded_image(run),
            Path(given["seeds"]),
            folder / given["out"],
            given["model"],
            given["channel"],
            given.get("time", 0),
            TraceSettings.from_dict(run.settings),
        )
    )


def replay_finetune(run: Run, folder: Path) -> Job[Run]:
    """Do a recorded fine-tuning again, for as many steps as it took."""
    given = run.arguments
    return (
        yield from finetune(
            recorded_image(run),
            Path(given["traces"]),
            folder / f"again{SUFFIX}",
            given["model"],
            given["channel"],
            given.get("time", 0),
            FinetuneSettings.from_dict(run.settings),
            exactly=run.results["steps"],
        )
    )


def replay_train(run: Run, folder: Path) -> Job[Run]:
    """Train again, in as many steps as it took."""
    settings = TrainSettings.from_dict(run.settings)
    return (yield from train(folder / f"again{SUFFIX}", settings, exactly=run.results["steps"]))


OPERATIONS = {
    "axons.trace": replay_trace,
    "axons.finetune": replay_finetune,
    "axons.train": replay_train,
}
