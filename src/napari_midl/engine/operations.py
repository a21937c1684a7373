"""An operation is one class of typed fields and one job; all else is derived from it.

The command line, the run record, its replay, the docks' forms and the call from Python are
made from the same fields:

- ports say what goes in (`engine.inputs`) and what comes out (`engine.outputs`),
- ``settings`` is a `Settings` class, whose fields a form can show,
- any other field is a plain value.

Laid flat, they are the *options* of an operation: ``image``, ``channel``, ``time``,
``model``, ``out``, ``threshold`` … A part of a port is called as it is where one port alone
has it, and is named after its field otherwise: ``reflectance_channel``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import MISSING, dataclass, fields
from functools import cache
from inspect import cleandoc
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, Union, get_args, get_origin

from docstring_parser import parse

from napari_midl.engine.inputs import In
from napari_midl.engine.outputs import Out  # noqa: TC001 - `hints_of` reads the annotation
from napari_midl.engine.ports import IN_MEMORY, UNRECORDED, Port
from napari_midl.engine.settings import Settings, checked, hints_of
from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_midl.engine.jobs import Job
    from napari_midl.engine.running import Outcome, Running, Watch

T = TypeVar("T")
O = TypeVar("O", bound="type[Operation[Any]]")  # noqa: E741

OPERATIONS: dict[str, type[Operation[Any]]] = {}


@dataclass(frozen=True)
class Option:
    """One value of an operation that can be typed.

    Parameters
    ----------
    name : str
        What the command line and the record call it.
    type : Any
        Its annotation, without ranges.
    default : Any
        Its default, or `MISSING` if it has to be given.
    help : str
        What it is, from the docstring.
    field, part : str
        Which field of the operation it belongs to, and which part of that.
    recorded : bool
        Whether the run record keeps it.
    """

    name: str
    type: Any
    default: Any
    help: str
    field: str
    part: str
    recorded: bool


@dataclass(frozen=True, kw_only=True)
class Operation(Generic[T]):
    """Base of all operations; a subclass is a dataclass marked with `operation`.

    Attributes
    ----------
    name : str
        Such as ``vessels.predict``.
    argument : str
        The field that a command takes without its name.
    """

    name: ClassVar[str]
    argument: ClassVar[str] = ""

    out: Out

    def job(self, run: Running) -> Job[T]:
        """Do it: open the inputs by `run`, yield `Progress`, return the result."""
        raise NotImplementedError

    def summary(self, results: dict[str, Any]) -> list[str]:
        """Lines for a person about the results of a run."""
        return []

    @classmethod
    def of(cls, **values: Any) -> Self:
        """The operation from its options, as they are typed or recorded.

        Raises
        ------
        InputError
            If an option is not known, missing, or has a value that is not allowed.
        """
        known = {option.name: option for option in options_of(cls)}
        if unknown := sorted(set(values) - set(known)):
            raise InputError(
                f"{cls.name} has no {', '.join(unknown)}; it has {', '.join(sorted(known))}."
            )
        parts: dict[str, dict[str, Any]] = {}
        for name, option in known.items():
            value = values.get(name, option.default)
            if value is MISSING:
                raise InputError(f"{cls.name} needs {name}; give it.")
            parts.setdefault(option.field, {})[option.part] = value
        made = {}
        for name, hint in hints_of(cls).items():
            if name in parts:
                made[name] = _built(name, hint, parts[name])
        for name, option in known.items():
            # A record has None for each part of what was not given.
            if made[option.field] is None and values.get(name) not in (None, option.default):
                raise InputError(f"{cls.name} takes {name} for {option.field}; give that too.")
        return cls(**made)

    def arguments(self) -> dict[str, Any]:
        """The options that are no settings, as the record keeps them."""
        kept = {f.name: self._recorded(f.name) for f in fields(self)}
        return {
            option.name: kept[option.field][option.part]
            for option in options_of(type(self))
            if option.recorded and option.field != "settings"
        }

    def settings_dict(self) -> dict[str, Any]:
        """The settings as the record keeps them."""
        settings = getattr(self, "settings", None)
        return settings.to_dict() if isinstance(settings, Settings) else {}

    def perform(self, watch: Watch | None = None, *, steps: int | None = None) -> Job[Outcome[T]]:
        """Do the operation: the job, its output whole or not at all, and the record of it.

        Parameters
        ----------
        watch : Watch, optional
            What a person who watches wants.
        steps : int, optional
            Take exactly so many steps, whatever the clock says: a replay of a training.

        Returns
        -------
        Outcome
            Returned by the generator.

        Raises
        ------
        InputError
            If something cannot be read, does not fit or cannot be written.
        """
        from napari_midl.engine.running import perform

        return perform(self, watch, steps)

    def _recorded(self, name: str) -> dict[str, Any]:
        value = getattr(self, name)
        if isinstance(value, Port):
            return value.recorded()
        if isinstance(value, Settings):
            return value.to_dict()
        if value is None and _port(hints_of(type(self))[name]) is not None:
            return {option.part: None for option in options_of(type(self)) if option.field == name}
        if isinstance(value, Path):
            return {"": str(value.resolve())}
        return {"": list(value) if isinstance(value, tuple) else value}


def operation(name: str, argument: str = "") -> Callable[[O], O]:
    """Register an operation under its name, such as ``vessels.predict``."""

    def register(cls: O) -> O:
        cls.name, cls.argument = name, argument
        OPERATIONS[name] = cls
        return cls

    return register


def options_of(cls: type[Operation[Any]]) -> tuple[Option, ...]:
    """All options of an operation, in the order of its fields."""
    hints, about = hints_of(cls), described(cls)
    found: list[Option] = []
    # The output is a field of the base and would come first.
    for field in sorted(fields(cls), key=lambda f: (f.name == "settings", f.name == "out")):
        hint, text = hints[field.name], about.get(field.name, "")
        kind = _port(hint) or _settings(hint)
        if kind is None:
            found.append(Option(field.name, hint, field.default, text, field.name, "", True))
            continue
        first = next(iter(fields(kind))).name if issubclass(kind, Port) else ""
        texts, parts = described(kind), hints_of(kind)
        for part in fields(kind):
            if part.metadata == IN_MEMORY:
                continue
            leads = part.name == first
            default = part.default
            if leads and field.default is not MISSING:
                default = getattr(field.default, first, None)
            found.append(
                Option(
                    field.name if leads else part.name,
                    _without_none(parts[part.name]) if leads else parts[part.name],
                    default,
                    text or _opening(kind) if leads else texts.get(part.name, ""),
                    field.name,
                    part.name,
                    part.metadata != UNRECORDED,
                )
            )
    twice = {name for name, count in Counter(o.name for o in found).items() if count > 1}
    named = [
        o
        if o.name not in twice or o.name == o.field
        else Option(f"{o.field}_{o.name}", *(getattr(o, f.name) for f in fields(o)[1:]))
        for o in found
    ]
    return tuple(named)


def described(cls: type) -> dict[str, str]:
    """What the docstring of a class, or of its bases, says of each of its fields."""
    texts: dict[str, str] = {}
    for each in reversed(cls.__mro__):
        texts |= _parameters(each.__doc__ or "")
    return texts


@cache
def _parameters(docstring: str) -> dict[str, str]:
    """What a docstring says of each parameter."""
    params = parse(docstring).params
    return {each.arg_name: " ".join((each.description or "").split()) for each in params}


def _opening(cls: type) -> str:
    """The first paragraph of a docstring."""
    return " ".join(cleandoc(cls.__doc__ or "").split("\n\n")[0].split())


def _built(name: str, hint: Any, parts: dict[str, Any]) -> Any:
    """The value of a field from its parts."""
    if (settings := _settings(hint)) is not None:
        return settings(**parts)
    kind = _port(hint)
    if kind is None:
        return checked(name, hint, parts[""])
    first = next(iter(fields(kind))).name
    if parts[first] is None and hint is not kind:
        return None
    hints = hints_of(kind)
    return kind(
        **{
            part: _path(name, value)
            if Path in (hints[part], _without_none(hints[part]))
            else checked(part, hints[part], value)
            for part, value in parts.items()
        }
    )


def _path(name: str, value: Any) -> Path | None:
    if value is not None and not isinstance(value, (str, Path)):
        raise InputError(f"{name} is {value!r}; give a path.")
    return None if value is None else Path(value)


def _port(hint: Any) -> type[Port] | None:
    """The port class of an annotation such as ``ImageIn`` or ``ImageIn | None``."""
    kind = _without_none(hint)
    kind = get_origin(kind) or kind
    return kind if isinstance(kind, type) and issubclass(kind, Port) else None


def _settings(hint: Any) -> type[Settings] | None:
    return hint if isinstance(hint, type) and issubclass(hint, Settings) else None


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, UnionType):
        rest = [part for part in get_args(hint) if part is not type(None)]
        return rest[0] if len(rest) == 1 else hint
    return hint


def inputs_of(done: Operation[Any]) -> dict[str, In[Any]]:
    """The inputs that an operation was given, by the names of their fields."""
    values = {field.name: getattr(done, field.name) for field in fields(done)}
    return {name: value for name, value in values.items() if isinstance(value, In)}
