"""Settings are frozen dataclasses whose annotations carry their ranges."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from functools import cache
from typing import Annotated, Any, Literal, Self, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from napari_midl.errors import InputError

_STRICT = ConfigDict(strict=True, allow_inf_nan=False)
_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
_HINTS: dict[type, dict[str, Any]] = {}


def within(low: float, high: float, step: float | None = None) -> Any:
    """The range of a number, for ``Annotated[float, within(0, 1)]``; a form moves by `step`."""
    return Field(ge=low, le=high, json_schema_extra=None if step is None else {"step": step})


# What settings of many methods have.
Device = Literal["auto", "cpu", "cuda"]
Seed = Annotated[int, within(0, 2**31 - 1)]
Voxels = Annotated[int, within(1, 4096)]
Size = tuple[Voxels, Voxels, Voxels]


@dataclass(frozen=True)
class Shown:
    """How a form shows a field, for ``Annotated[float, within(0, 9), Shown("gaps up to", "px")]``.

    Parameters
    ----------
    label : str
        What it is called; by default its name.
    unit : str
        Of a number.
    zero : str
        What a number of 0 means, in place of 0.
    choices : tuple of str
        What each of its choices is called, in their order.
    """

    label: str = ""
    unit: str = ""
    zero: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """Base of all settings: each field has the type and lies in the range of its annotation.

    What the fields of many settings mean is said here; one that means another thing in a settings
    class is described there.

    Parameters
    ----------
    minutes : float
        Longest time to train.
    steps : int
        Most optimiser steps; 0 means that only the time counts.
    learning_rate : float
        Rate of the first step; it halves every `half_life` steps.
    half_life : int
        Steps after which the learning rate has halved.
    seed : int
        Seed of everything drawn at random.
    device : str
        Where to compute; ``auto`` takes a GPU where there is one.

    Raises
    ------
    InputError
        If a field does not.
    """

    def __post_init__(self) -> None:
        for name, hint in hints_of(type(self)).items():
            value = getattr(self, name)
            object.__setattr__(self, name, checked(name, hint, value))

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain JSON values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The settings that `to_dict` described.

        Raises
        ------
        InputError
            If they are no mapping, a field is not known, or a value is not allowed.
        """
        if not isinstance(values, dict):
            raise InputError(f"{values!r} are no settings of {cls.__name__}; give a mapping.")
        known = {field.name for field in fields(cls)}
        if unknown := set(values) - known:
            raise InputError(
                f"{', '.join(sorted(unknown))} is no setting of {cls.__name__}; "
                f"it has {', '.join(sorted(known))}."
            )
        return cls(**values)


def hints_of(settings: type) -> dict[str, Any]:
    """The annotation of each field of a dataclass, with its range.

    Always the same objects, since `checked` keeps what it made of each.
    """
    if settings not in _HINTS:
        _HINTS[settings] = get_type_hints(settings, include_extras=True)
    return _HINTS[settings]


def checked(name: str, hint: Any, value: Any) -> Any:
    """A value as its annotation wants it: a list becomes a tuple, a whole number a float.

    Raises
    ------
    InputError
        If the annotation does not allow it.
    """
    try:
        return _adapter(hint).validate_python(tuple(value) if isinstance(value, list) else value)
    except ValidationError:
        shown = list(value) if isinstance(value, tuple) else value
        raise InputError(f"{name} is {shown!r}; give {_wanted(hint)}.") from None


def limits(hint: Any) -> tuple[float | None, float | None, float | None]:
    """Least and greatest value of a number's annotation, or of each of several, and the step."""
    kind, parts = get_origin(hint), get_args(hint)
    if kind is tuple:
        return limits(parts[0])
    for note in parts[1:] if kind is Annotated else ():
        if isinstance(note, FieldInfo):
            bounds = {type(m).__name__: m for m in note.metadata}
            extra = note.json_schema_extra
            step = extra.get("step") if isinstance(extra, dict) else None
            low, high = bounds.get("Ge"), bounds.get("Le")
            return getattr(low, "ge", None), getattr(high, "le", None), step  # type: ignore[return-value]
    return None, None, None


def shown(hint: Any) -> Shown:
    """How a form shows a field of an annotation."""
    return next((part for part in get_args(hint)[1:] if isinstance(part, Shown)), Shown())


def plain(hint: Any) -> Any:
    """An annotation without its ranges."""
    kind, parts = get_origin(hint), get_args(hint)
    if kind is Annotated:
        return plain(parts[0])
    return tuple[tuple(plain(part) for part in parts)] if kind is tuple else hint  # type: ignore[misc]


@cache
def _adapter(hint: Any) -> TypeAdapter[Any]:
    return TypeAdapter(hint, config=_STRICT)


def _wanted(hint: Any) -> str:
    """What an annotation allows, for a person."""
    kind, parts = get_origin(plain(hint)), get_args(plain(hint))
    if kind is Literal:
        return f"one of {', '.join(map(str, parts))}"
    low, high, _ = limits(hint)
    span = f" from {low:g} to {high:g}" if low is not None and high is not None else ""
    if kind is tuple:
        return f"{len(parts)} {_KINDS[parts[0]].removeprefix('a ')}s{span}"
    return f"{_KINDS.get(plain(hint), str(hint))}{span}"
