"""Write the pages of the docs that are made of the code, so that they say what it says.

Usage: python scripts/docs_pages.py [--check]

With ``--check`` nothing is written; it ends with 1 where a page is not as the code would make it.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import MISSING
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, get_args
from unittest.mock import patch

from packaging.requirements import Requirement

from napari_midl import doctor
from napari_midl.engine.operations import options_of
from napari_midl.engine.settings import plain
from napari_midl.methods import METHODS, operations_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_midl.doctor import Check
    from napari_midl.engine.operations import Operation, Option

DOCS = Path(__file__).parents[1] / "docs"
BEGIN, END = "<!-- from doctor -->", "<!-- until here -->"
GENERATED = "<!-- Written by scripts/docs_pages.py; change the docstrings instead. -->\n\n"


def pages() -> dict[Path, str]:
    """What each page has to hold."""
    troubles = DOCS / "troubleshooting.md"
    before, _, rest = troubles.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    return {
        troubles: f"{before}{BEGIN}\n\n{doctor_table()}\n{END}{after}",
        DOCS / "reference" / "commands.md": GENERATED + "\n".join(commands()) + "\n",
    }


def doctor_table() -> str:
    """What `doctor` says of each fault that it knows, as it says it."""
    rows = ["| check | what it says | the fix |", "| --- | --- | --- |"]
    for check in faults():
        mark = "" if check.ok is False else " (a note)"
        rows.append(f"| {check.name}{mark} | {_cell(check.value)} | {_cell(check.fix)} |")
    return "\n".join(rows) + "\n"


def faults() -> Iterator[Check]:
    """Every check of `doctor`, made to fail."""
    missing = patch.object(doctor, "_version", lambda name: None)

    def lacking(name: str) -> None:
        raise doctor.metadata.PackageNotFoundError(name)

    yield from _under(doctor._packages, patch.object(doctor.metadata, "requires", lacking))
    needed = Requirement("numpy>=2.1")
    yield from _under(lambda: [doctor._package(needed)], missing)
    old = patch.object(doctor, "_version", lambda name: "1.26")
    yield from _under(lambda: [doctor._package(needed)], old)
    yield from _under(lambda: [doctor._torch()], missing)
    broken = patch.dict(sys.modules, {"torch": None})
    there = patch.object(doctor, "_version", lambda name: "2.13")
    for check in _under(lambda: [doctor._torch()], there, broken):
        yield _without_reason(check)
    yield from _under(lambda: [doctor._binding()], missing)
    aborting = patch.object(doctor, "_version", lambda n: "6.12.0" if n == "PySide6" else None)
    python = patch.object(doctor.sys, "version_info", (3, 11, 7))
    yield from _under(lambda: [doctor._binding()], aborting, python)
    ended = patch.object(doctor.subprocess, "run", lambda *_, **__: _Ended())
    yield from _under(lambda: [doctor._screen()], ended)
    late = doctor.subprocess.TimeoutExpired("", doctor.PATIENCE)
    hanging = patch.object(doctor.subprocess, "run", side_effect=late)
    yield from _under(lambda: [doctor._screen()], hanging)
    lost = patch.object(doctor, "operations_of", side_effect=ImportError("…"))
    yield from _under(lambda: [doctor._method("vessels")], lost)
    with TemporaryDirectory() as folder:
        weights = Path(folder)
        yield from doctor._weights(weights)
        (weights / "torn.safetensors").write_bytes(b"torn")
        names = ("torn", "gone")
        sums = "".join(f"{'0' * 64}  {name}.safetensors\n" for name in names)
        (weights / "SHA256SUMS").write_text(sums, encoding="utf-8")
        yield from doctor._weights(weights)
        (weights / "SHA256SUMS").write_text("", encoding="utf-8")
        yield from doctor._weights(weights)
    full = patch.object(doctor.shutil, "disk_usage", lambda path: _Space())
    yield from _under(lambda: [doctor._space()], full)
    for package, extra in doctor.OPTIONAL.items():
        with missing:
            yield doctor._optional(package, extra)


class _Ended:
    """How a process ends that finds no screen."""

    returncode, stderr, stdout = 1, "qt.qpa.xcb: could not connect to display", ""


class _Space:
    """A disk that is nearly full."""

    free = 1_500_000_000


def _under(look: Callable[[], list[Check]], *patches: Any) -> list[Check]:
    with ExitStack() as stack:
        for each in patches:
            stack.enter_context(each)
        return look()


def _without_reason(check: Check) -> Check:
    """Python's own words on a broken import differ between versions."""
    return doctor.Check(check.name, check.ok, check.value.partition(":")[0] + ": …", check.fix)


def commands() -> Iterator[str]:
    """The commands of all methods with their options."""
    yield "# Commands\n"
    yield "`napari-midl --help` and `napari-midl TOOL COMMAND --help` say the same in a terminal.\n"
    for method, about in METHODS.items():
        yield f"## {method}\n\n{about}\n"
        for operation in operations_of(method):
            yield from command(operation)


def command(operation: type[Operation[Any]]) -> Iterator[str]:
    """One command: what it does, and a table of its options."""
    options = options_of(operation)
    given = [operation.argument.upper()] if operation.argument else []
    given += [
        f"--{_word(option)} {option.name.upper()}"
        for option in options
        if option.default is MISSING and option.name != operation.argument
    ]
    about = (operation.__doc__ or "").split("Parameters\n")[0]
    yield f"### {operation.name.replace('.', ' ')}\n"
    yield " ".join(about.split()) + "\n"
    yield f"```\nnapari-midl {operation.name.replace('.', ' ')} {' '.join(given)}\n```\n"
    yield "| option | what it is | default |"
    yield "| --- | --- | --- |"
    for option in options:
        name = option.name.upper() if option.name == operation.argument else f"--{_word(option)}"
        yield f"| `{name}` | {_cell(option.help)}{_choices(option)} | {_default(option)} |"
    yield ""


def _word(option: Option) -> str:
    return option.name.replace("_", "-")


def _choices(option: Option) -> str:
    named = [value for value in get_args(plain(option.type)) if isinstance(value, str)]
    return f" One of {', '.join(f'`{value}`' for value in named)}." if named else ""


def _default(option: Option) -> str:
    if option.default is MISSING:
        return "must be given"
    if option.default is None or option.default in ("", ()):
        return ""
    if isinstance(option.default, bool):
        return "on" if option.default else "off"
    if isinstance(option.default, tuple):
        return f"`{' '.join(map(str, option.default))}`"
    return f"`{option.default}`"


def _cell(text: str) -> str:
    return " ".join(text.replace("``", "`").replace("|", "\\|").split())


def main(arguments: list[str]) -> int:
    """Write the pages, or compare them."""
    stale = [
        path
        for path, text in pages().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in arguments:
        for path in stale:
            print(f"{path} is not what the code says; run scripts/docs_pages.py.", file=sys.stderr)
        return int(bool(stale))
    for path in stale:
        path.write_text(pages()[path], encoding="utf-8")
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
