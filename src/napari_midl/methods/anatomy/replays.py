"""Doing recorded anatomy runs again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_midl.engine.models import SUFFIX
from napari_midl.methods.anatomy.files import generate, make_shapes, train
from napari_midl.methods.anatomy.settings import GenerateSettings, ShapesSettings, TrainSettings

if TYPE_CHECKING:
    from napari_midl.engine.jobs import Job
    from napari_midl.engine.runs import Run


def replay_generate(run: Run, folder: Path) -> Job[Run]:
    """Generate again."""
    given = run.arguments
    scan = Path(given["scan"]) if given["scan"] else None
    settings = GenerateSettings.from_dict(run.settings)
    return (
        yield from generate(
            Path(given["landmarks"]), folder / given["out"], given["model"], scan, settings
        )
    )


def replay_train(run: Run, folder: Path) -> Job[Run]:
    """Train again, in as many steps as it took."""
    given = run.arguments
    return (
        yield from train(
            Path(given["folder"]),
            folder / f"again{SUFFIX}",
            given["template"],
            TrainSettings.from_dict(run.settings),
            exactly=run.results["steps"],
        )
    )


def replay_shapes(run: Run, folder: Path) -> Job[Run]:
    """Make the shapes again."""
    settings = ShapesSettings.from_dict(run.settings)
    return (yield from make_shapes(Path(run.arguments["folder"]), folder / "shapes", settings))


OPERATIONS = {
    "anatomy.generate": replay_generate,
    "anatomy.train": replay_train,
    "anatomy.shapes": replay_shapes,
}
