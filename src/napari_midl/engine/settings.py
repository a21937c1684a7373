"""Settings are frozen dataclasses whose annotations carry their ranges."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, Literal, Self, get_args, get_origin, get_type_hints

from napari_midl.errors import InputError


@dataclass(frozen=True)
class Settings:
    """Base of all settings: checks each field against its annotated range.

    A field annotated ``Annotated[float, {"min": 0.0, "max": 1.0}]`` must lie in that
    range, and one annotated ``Literal[...]`` must be one of its values; magicgui
    reads the same annotation for the dock's form. A tuple has its range under ``"options"``,
    magicgui's word for what holds for each element.

    Raises
    ------
    InputError
        If a field lies outside its range.
    """

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self), include_extras=True)
        for field in fields(self):
            _check(field.name, hints[field.name], getattr(self, field.name))

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain JSON values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The settings that `to_dict` described; unknown fields are an `InputError`."""
        known = {field.name for field in fields(cls)}
        if unknown := set(values) - known:
            raise InputError(
                f"{', '.join(sorted(unknown))} is no setting of {cls.__name__}; "
                f"it has {', '.join(sorted(known))}."
            )
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def _check(name: str, hint: Any, value: Any) -> None:
    """Refuse a value that its annotation does not allow."""
    kind, parts = get_origin(hint), get_args(hint)
    if kind is Literal and value not in parts:
        raise InputError(f"{name} is {value!r}; choose one of {', '.join(map(str, parts))}.")
    if kind is not Annotated:
        return
    elements, limits = (value,), parts[1]
    if get_origin(parts[0]) is tuple:
        elements, limits = value, limits["options"]
        if len(value) != len(get_args(parts[0])):
            raise InputError(f"{name} has {len(value)} values; give {len(get_args(parts[0]))}.")
    for element in elements:
        low, high = limits.get("min", element), limits.get("max", element)
        if not low <= element <= high:
            raise InputError(f"{name} is {element}, outside {low} to {high}; choose one between.")
