"""Which of the models of an image was used last, and from which a person went back."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from napari_midl.engine.models import SUFFIX
from napari_midl.engine.runs import record_path
from napari_midl.errors import InputError
from napari_midl.volumes.atomic import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterable

_CHOSEN, _REJECTED = "chosen {}.txt", "rejected.txt"


def chosen_model(models: Path, tool: str) -> str | Path | None:
    """The model that a tool used last with the image of a folder of models, if it is known."""
    name = "".join(_lines(models / _CHOSEN.format(tool)))
    return models / name if name.endswith(SUFFIX) else name or None


def remember_model(models: Path, choice: str | Path, tool: str) -> None:
    """Note which model a tool uses, for when its image is opened again; it is rejected no longer.

    Nothing is noted where nothing is kept of the image, or where it cannot be written: it is a
    convenience.
    """
    name = choice if isinstance(choice, str) else _name_in(models, choice)
    if models.is_dir() or (models.parent.is_dir() and isinstance(choice, Path)):
        _note(models / _CHOSEN.format(tool), [name])
        rejected = _lines(models / _REJECTED)
        if name in rejected:
            _note(models / _REJECTED, [other for other in rejected if other != name])


def reject_model(models: Path, model: Path) -> None:
    """Note that a person went back from a model; where it cannot be written, nothing is noted."""
    name = _name_in(models, model)
    if models.is_dir() and name not in (rejected := _lines(models / _REJECTED)):
        _note(models / _REJECTED, [*rejected, name])


def rejected_models(models: Path) -> set[Path]:
    """The models from which a person went back."""
    return {models / name for name in _lines(models / _REJECTED)}


def newest_model(models: Path, choices: Iterable[str | Path]) -> Path | None:
    """The newest of some models that lies in a folder and was not rejected."""
    rejected = rejected_models(models)
    own = [c for c in choices if isinstance(c, Path) and c.parent == models and c not in rejected]
    return max((c for c in own if c.exists()), key=lambda c: c.stat().st_mtime, default=None)


def _name_in(models: Path, model: Path) -> str:
    """A model's name in its folder, or its whole path if it lies elsewhere."""
    return model.name if model.parent == models else str(model.absolute())


def _lines(path: Path) -> list[str]:
    """The lines of a text; none where it is missing or damaged."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return []
    return [line.strip() for line in text.splitlines() if line.strip()]


def _note(path: Path, lines: list[str]) -> None:
    with suppress(InputError, OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as beside:
            beside.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def copy_model(source: Path, target: Path) -> Path:
    """Copy a model file, and its record where it has one; gives the path of the copy.

    Raises
    ------
    InputError
        If the target cannot be written.
    """
    target = target if target.suffix == SUFFIX else target.with_name(target.name + SUFFIX)
    for old, new in ((source, target), (record_path(source), record_path(target))):
        if old.exists():
            with whole_file(new) as beside:
                shutil.copyfile(old, beside)
    return target
