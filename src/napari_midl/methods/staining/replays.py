"""Doing recorded staining runs again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_midl.engine.models import SUFFIX
from napari_midl.errors import InputError
from napari_midl.methods.staining.files import despeckle, stain
from napari_midl.methods.staining.settings import (
    DespeckleSettings,
    StainSettings,
    TrainDespecklerSettings,
    TrainSettings,
)
from napari_midl.methods.staining.teach import teach_despeckler, teach_stain

if TYPE_CHECKING:
    from napari_midl.engine.jobs import Job
    from napari_midl.engine.runs import Run


def replay_stain(run: Run, folder: Path) -> Job[Run]:
    """Stain again."""
    given = run.arguments
    if None in (given["reflectance"], given["fluorescence"]):
        raise InputError(
            "a channel of this staining came from no file; save both channels, open the files and "
            "stain again for a record that can be replayed."
        )
    reflectance, fluorescence = given["channels"]
    return (
        yield from stain(
            Path(given["reflectance"]),
            Path(given["fluorescence"]),
            folder / "again.ome.zarr",
            StainSettings.from_dict(run.settings),
            given["model"],
            given["despeckler"],
            Path(given["reference"]) if given["reference"] else None,
            (reflectance, fluorescence),
        )
    )


def replay_despeckle(run: Run, folder: Path) -> Job[Run]:
    """Despeckle again."""
    given = run.arguments
    return (
        yield from despeckle(
            Path(given["reflectance"]),
            folder / "again.ome.zarr",
            DespeckleSettings.from_dict(run.settings),
            given["model"],
            given["channel"],
        )
    )


def replay_train(run: Run, folder: Path) -> Job[Run]:
    """Train a stain again, in as many steps as it took."""
    given = run.arguments
    return (
        yield from teach_stain(
            Path(given["confocal"]),
            Path(given["slides"]),
            folder / f"again{SUFFIX}",
            TrainSettings.from_dict(run.settings),
            given["despeckler"],
            exactly=run.results["steps"],
        )
    )


def replay_train_despeckler(run: Run, folder: Path) -> Job[Run]:
    """Train a despeckler again, in as many steps as it took."""
    return (
        yield from teach_despeckler(
            Path(run.arguments["slides"]),
            folder / f"again{SUFFIX}",
            TrainDespecklerSettings.from_dict(run.settings),
            exactly=run.results["steps"],
        )
    )


OPERATIONS = {
    "staining.stain": replay_stain,
    "staining.despeckle": replay_despeckle,
    "staining.train": replay_train,
    "staining.train-despeckler": replay_train_despeckler,
}
