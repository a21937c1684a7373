"""The card of a model: what its fields hold, checked before anything relies on them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from reprlib import Repr
from typing import TYPE_CHECKING, Any

from napari_midl.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

# For each field what it holds, in words and as a test.
Fields = Mapping[str, tuple[str, Callable[[Any], bool]]]

_SHOWN = Repr()
_SHOWN.maxstring = _SHOWN.maxother = 60


def is_text(value: Any) -> bool:
    """Whether a value is a text."""
    return isinstance(value, str)


def is_count(value: Any) -> bool:
    """Whether a value is a whole number from 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(is_text, value))


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


# A method adds its own; other fields are kept as they are.
FIELDS: Fields = {
    "tool": ("a text", is_text),
    "architecture": ("a text", is_text),
    "name": ("a text", is_text),
    "steps": ("a whole number from 0", is_count),
    "seed": ("a whole number from 0", is_count),
    "parent": ("a hash or null", lambda value: value is None or is_text(value)),
    "settings": ("an object", _is_object),
    "scores": ("an object", _is_object),
    "training_data": ("a list of texts", _is_texts),
    "training_data_licence": ("a text", is_text),
    "licence": ("a text", is_text),
    "device": ("a text", is_text),
}
NEEDED = ("tool", "architecture")


def check_card(
    card: Mapping[str, Any], path: Path, fields: Fields = FIELDS, needed: tuple[str, ...] = NEEDED
) -> None:
    """Refuse a card on which a field is missing or holds something of another kind.

    Parameters
    ----------
    card : mapping
        Plain JSON values.
    path : Path
        The model's file.
    fields : mapping
        What each field holds, in words and as a test.
    needed : tuple of str
        Fields that must be there.

    Raises
    ------
    InputError
        If so.
    """
    for name in needed:
        if name not in card:
            raise InputError(f"{path} has a card without {name}; save the model again.")
    for name, (kind, holds) in fields.items():
        if name in card and not holds(card[name]):
            raise InputError(
                f"{path} has {_SHOWN.repr(card[name])} as {name} on its card, which should be "
                f"{kind}; choose another model or save it again."
            )
