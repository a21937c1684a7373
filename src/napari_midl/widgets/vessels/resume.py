"""Going on with a prediction that was stopped before its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.engine.jobs import Job, elsewhere
from napari_midl.engine.unfinished import begun_with, model_of
from napari_midl.errors import InputError
from napari_midl.methods.vessels.settings import PredictSettings
from napari_midl.widgets.project import MODELS

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.engine.running import Outcome, Watch
    from napari_midl.methods.vessels.operations import Predict


def settings_of_unfinished(out: Path, device: str) -> PredictSettings:
    """The settings with which a prediction began; only they can go on with it.

    Raises
    ------
    InputError
        If they cannot be read.
    """
    return PredictSettings.from_dict(begun_with(out)["settings"] | {"device": device})


def go_on(operation: Predict, watch: Watch) -> Job[Outcome[None]]:
    """Resume; where the model is not the one it began with, say which to choose.

    Raises
    ------
    InputError
        If it is another model, or something cannot be read or written.
    """
    out = operation.out.path
    assert out is not None
    model = yield from elsewhere(operation.model.open, "loading the network")
    began = begun_with(out)["model"]
    if began != model.sha256:
        known = model_of(began, out.parent.parent / MODELS)
        wanted = f"the model {known.stem}" if known else "another model"
        chosen = operation.model.files[0].stem if operation.model.files else operation.model.name
        raise InputError(
            f"{out.name} was begun with {wanted}, not with {chosen}; choose that under Learn to "
            "go on with it, or name a new prediction."
        )
    return (yield from operation.perform(watch))
