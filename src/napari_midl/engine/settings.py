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
    reads the same annotation for the dock's form.

    Raises
    ------
    InputError
        If a field lies outside its range.
    """

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self), include_extras=True)
        for field in fields(self):
            hint, value = hints[field.name], getattr(self, field.name)
            if get_origin(hint) is Annotated:
                limits = get_args(hint)[1]
                low, high = limits.get("min", value), limits.get("max", value)
                if not low <= value <= high:
                    raise InputError(
                        f"{field.name} is {value}, outside {low} to {high}; choose one between."
                    )
            elif get_origin(hint) is Literal and value not in get_args(hint):
                choices = ", ".join(map(str, get_args(hint)))
                raise InputError(f"{field.name} is {value!r}; choose one of {choices}.")

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
