"""The models that a lab has trained: what is known of each, whose child it is, and copies."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from platformdirs import user_data_path

from napari_midl.engine.model_words import score_of
from napari_midl.engine.models import SUFFIX, hash_file, read_card
from napari_midl.engine.project_models import copy_model
from napari_midl.errors import InputError
from napari_midl.volumes.atomic import not_written

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Shelved:
    """A model file and its card.

    Parameters
    ----------
    path : Path
        The file.
    card : dict
        What it says of itself.
    """

    path: Path
    card: dict[str, Any]

    @property
    def name(self) -> str:
        """What it is called."""
        return self.path.stem

    @property
    def made(self) -> datetime:
        """When the file was written."""
        return datetime.fromtimestamp(self.path.stat().st_mtime).astimezone()

    def parent_among(self, others: Iterable[Shelved]) -> str:
        """The name of the model that it was trained from; empty where that is not among some."""
        wanted = self.card.get("parent")
        found = (o.name for o in others if o is not self and _hash_of(o) == wanted)
        return next(found, "") if wanted else ""

    def row(self, others: Sequence[Shelved]) -> dict[str, Any]:
        """A row of a table of models."""
        score, value, image = score_of(self.card)
        return {
            "model": self.name,
            "made": f"{self.made:%Y-%m-%d %H:%M}",
            "score": f"{score} {value:.2f}" if score else "",
            "of": image,
            "from": self.parent_among(others),
            "steps": int(self.card.get("steps", 0)),
        }

    def lines(self) -> list[str]:
        """The card in words, for a person."""
        card = self.card
        said = [
            f"{card.get('name', self.name)}: {card.get('architecture', 'unknown network')}",
            f"Learnt from {_listed(card.get('training_data'))}",
        ]
        if isinstance(card.get("classes"), dict):
            names = (each.get("name", "") for each in card["classes"].get("classes", []))
            said.append(f"Tells apart {', '.join(names)}")
        for what, scores in (card.get("scores") or {}).items():
            if isinstance(scores, dict) and scores:
                each = ", ".join(f"{k} {v:.2f}" for k, v in scores.items() if _is_number(v))
                said.append(f"{str(what).replace('_', ' ').capitalize()}: {each}")
        licence = card.get("training_data_licence") or card.get("licence")
        return [*said, *([f"Licence: {licence}"] if licence else []), str(self.path)]


def shelf_folder() -> Path:
    """Where models are kept that are to be at hand for every image."""
    return user_data_path("napari-midl", appauthor=False) / "shelf"


def models_in(folders: Iterable[Path], tool: str) -> list[Shelved]:
    """The models of a tool in some folders, the newest first; what is no model is left out."""
    found = []
    for path in dict.fromkeys(p for folder in folders for p in sorted(folder.glob(f"*{SUFFIX}"))):
        with suppress(InputError):
            card = read_card(path)
            if card.get("tool") == tool:
                found.append(Shelved(path, card))
    return sorted(found, key=lambda each: each.made, reverse=True)


def put_on_shelf(source: Path, tool: str, folder: Path | None = None) -> Path:
    """Copy a model onto the shelf under a name that is free there; one that is there stays.

    Raises
    ------
    InputError
        If it is no model, is of another tool, or the shelf cannot be written.
    """
    card = read_card(source)
    if card.get("tool") != tool:
        raise InputError(
            f"{source} is a model of the tool {card.get('tool')!r}, not of {tool!r}; import it "
            f"from the dock of {card.get('tool')}."
        )
    folder = folder or shelf_folder()
    target, number = folder / source.name, 1
    while target.exists():
        if hash_file(target) == hash_file(source):
            return target
        number += 1
        target = folder / f"{source.stem} ({number}){SUFFIX}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(folder, error) from error
    return copy_model(source, target)


def _hash_of(shelved: Shelved) -> str:
    return _hash_at(shelved.path, shelved.path.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _hash_at(path: Path, written: int) -> str:
    with suppress(InputError):
        return hash_file(path)
    return ""


def _listed(things: Any) -> str:
    return "; ".join(map(str, things)) if isinstance(things, list) and things else "nothing yet"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
