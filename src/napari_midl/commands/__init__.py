"""The command line of the operations, made from their fields and docstrings.

Annotations are read at run time here; whatever is heavy is imported by the job itself.
"""

import inspect
from collections.abc import Callable
from dataclasses import MISSING
from typing import Annotated, Any, get_args

from cyclopts import App, Parameter

from napari_midl.engine.operations import Operation, Option, options_of
from napari_midl.engine.settings import plain
from napari_midl.methods import METHODS, operations_of
from napari_midl.terminal import drive


def add_commands(app: App) -> None:
    """Give the command line a group of commands for each method."""
    for name, about in METHODS.items():
        group = App(name=name, help=about)
        for operation in operations_of(name):
            group.command(command_of(operation), name=operation.name.split(".")[1])
        app.command(group)


def command_of(operation: type[Operation[Any]]) -> Callable[..., None]:
    """A function with the operation's options as parameters, which runs it in the terminal."""

    def command(*given: Any, **options: Any) -> None:
        if given:
            options[operation.argument] = given[0]
        wanted = operation.of(**options)
        run = drive(wanted.perform()).run
        print(*wanted.summary(run.results), wanted.out.path, sep="\n")

    parameters = [_parameter(option, operation) for option in options_of(operation)]
    parameters.sort(key=lambda p: p.kind is not p.POSITIONAL_ONLY)
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    command.__doc__ = (operation.__doc__ or "").split("Parameters\n")[0].strip()
    return command


def _parameter(option: Option, operation: type[Operation[Any]]) -> inspect.Parameter:
    positional = option.name == operation.argument
    kind = inspect.Parameter.POSITIONAL_ONLY if positional else inspect.Parameter.KEYWORD_ONLY
    default = inspect.Parameter.empty if option.default is MISSING else option.default
    # What is on from the start needs a --no-….
    off = None if option.default is True else ()
    strict = _whole_number if plain(option.type) is int else None
    # As many as there are: --labels a.tif b.tif.
    several = get_args(plain(option.type))[-1:] == (Ellipsis,)
    about = Parameter(help=option.help, negative=off, converter=strict, consume_multiple=several)
    kind_of_value = plain(option.type) | None if default is None else plain(option.type)
    hint = Annotated[kind_of_value, about]  # type: ignore[valid-type]
    return inspect.Parameter(option.name, kind, default=default, annotation=hint)


def _whole_number(kind: type, tokens: Any) -> int:
    """2.5 is refused, not cut to 2 as the parser would."""
    return int(tokens[0].value)
