"""Models of named classes: what their cards say, and which images and classes they fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_midl.engine.cards import is_count
from napari_midl.engine.models import ModelFamily
from napari_midl.errors import InputError
from napari_midl.volumes.classes import Classes
from napari_midl.volumes.counting import counted

if TYPE_CHECKING:
    from napari_midl.engine.cards import Fields
    from napari_midl.engine.models import Model


def _are_classes(value: Any) -> bool:
    try:
        Classes.from_dict(value)
    except (InputError, TypeError):
        return False
    return True


UNLEARNT = "unlearnt"  # in a card, and in what is predicted

_FIELDS = {
    "classes": ("the names and colours of classes", _are_classes),
    "channels": ("a whole number from 0", is_count),
}


@dataclass(frozen=True)
class ClassFamily(ModelFamily):
    """Models whose cards name their classes and how many channels they look at."""

    fields: Fields = field(default_factory=lambda: _FIELDS)
    needed: tuple[str, ...] = ("classes", "channels")

    def untrained(self, name: str, classes: Classes, channels: int, seed: int = 0) -> Model:
        """An untrained model of a network's name."""
        model = self.scratch(name, seed)
        model.card |= {"classes": classes.to_dict(), "channels": channels}
        return model


def classes_of(model: Model) -> Classes:
    """The classes that a model tells apart."""
    return Classes.from_dict(model.card["classes"])


def unlearnt_of(model: Model) -> list[str]:
    """The classes that a model has a place for, but of which nothing was labelled."""
    return list(model.card.get(UNLEARNT, []))


def check_fits(model: Model, called: str, channels: int, classes: Classes | None = None) -> None:
    """Refuse a model that looks at other channels or tells other classes apart.

    Raises
    ------
    InputError
        If so, with what it takes.
    """
    takes = model.card["channels"]
    if takes != channels:
        raise InputError(
            f"{called} looks at {counted(takes, 'channel')} and is given {channels}; choose "
            "another model, or name so many channels with --channels."
        )
    own = classes_of(model).names
    if classes is not None and own != classes.names:
        raise InputError(
            f"{called} tells {', '.join(own)} apart, not {', '.join(classes.names)}; give it those "
            "classes, or pass --new-head so that its last layer learns the others."
        )
