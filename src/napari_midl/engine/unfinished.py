"""Trainings and outputs that were stopped before their end, and what they began with."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from napari_midl.engine.journal import begun_with
from napari_midl.engine.runs import read_run, record_path
from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from napari_midl.engine.models import Model

CHECKPOINT = ".checkpoint"


def stopped_training(folder: Path, stem: str = "") -> Path | None:
    """The checkpoint in a folder of models that was written last, or None.

    Parameters
    ----------
    folder : Path
        Where the models are kept.
    stem : str
        What their names begin with.
    """
    found = folder.glob(f"{stem}*{CHECKPOINT}")
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def trained_with(checkpoint: Path) -> dict[str, Any]:
    """The settings of a training that was stopped, as far as they are known."""
    try:
        with safe_open(checkpoint, framework="numpy") as file:
            notes = file.metadata() or {}
        return dict(json.loads(notes["training"])["settings"])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        return {}  # said in full where the training goes on


def recorded_hash(model: Path) -> str:
    """Hash of a model's weights as its record tells it, without a look at them; else empty."""
    try:
        outputs = read_run(record_path(model)).outputs
    except InputError:
        return ""
    return str(outputs.get(model.name, {}).get("sha256", ""))


def model_of(sha256: str, folder: Path) -> Path | None:
    """The model in a folder whose record tells this hash, if it still is there."""
    for record in sorted(folder.glob("*.run.json")):
        try:
            outputs = read_run(record).outputs
        except InputError:
            continue
        for entry in outputs.values():
            model = folder / str(entry.get("path", "")).replace("\\", "/").split("/")[-1]
            if entry.get("sha256") == sha256 and model.exists():
                return model
    return None


def model_begun_with(
    out: Path, models: Path, choices: Iterable[str | Path], opened: Callable[[str], Model]
) -> str | Path:
    """The model with which an unfinished output was begun.

    Parameters
    ----------
    out : Path
        The output.
    models : Path
        Folder of the models of its project, whose records are asked first.
    choices : iterable of str or Path
        Other models that it may be.
    opened : callable
        Loads one of them.

    Raises
    ------
    InputError
        If it is none of them.
    """
    sha256 = str(begun_with(out).get("model"))
    if (found := model_of(sha256, models)) is not None:
        return found
    for choice in choices:
        with suppress(InputError):
            if opened(str(choice)).sha256 == sha256:
                return choice
    raise InputError(
        f"{out} was begun with a model that is not in the list; Open… the file of that model, "
        "or name another output."
    )
