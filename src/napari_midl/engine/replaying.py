"""Doing a recorded run again, to see whether it comes out the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from napari_midl.engine.jobs import Progress, in_thread, wait_for
from napari_midl.engine.operations import OPERATIONS, inputs_of
from napari_midl.engine.runs import read_run
from napari_midl.errors import InputError

if TYPE_CHECKING:
    from napari_midl.engine.jobs import Job
    from napari_midl.engine.operations import Operation
    from napari_midl.engine.outputs import Out
    from napari_midl.engine.runs import Run


@dataclass(frozen=True)
class Comparison:
    """Whether a replayed run came out the same.

    Parameters
    ----------
    same : bool
        All inputs and outputs have the recorded hashes.
    lines : list of str
        What was compared, a line each, for a person.
    """

    same: bool
    lines: list[str]


def replay(path: Path) -> Job[Comparison]:
    """Do a recorded run again into a temporary folder and compare.

    Nothing is written but into that folder, whatever the record says.

    Parameters
    ----------
    path : Path
        A run record.

    Returns
    -------
    Comparison
        Returned by the generator.

    Raises
    ------
    InputError
        If the record is none, or names an operation that is not known.
    """
    recorded = read_run(path)
    if recorded.operation not in OPERATIONS:
        raise InputError(
            f"{path} records {recorded.operation!r}, which cannot be replayed; "
            f"it must be one of {', '.join(sorted(OPERATIONS))}."
        )
    name = Path(str(recorded.arguments.get("out") or next(iter(recorded.outputs), ""))).name
    if not name:
        raise InputError(f"{path} names no output; it cannot be replayed.")
    if not any(map(_hash, recorded.outputs.values())):
        raise InputError(f"{path} holds no hash of its output; there is nothing to compare with.")
    with TemporaryDirectory(prefix="napari-midl-replay-") as folder:
        values = {**recorded.arguments, **recorded.settings, "out": str(Path(folder) / name)}
        named = OPERATIONS[recorded.operation].of(**values)
        step = Progress(0, 1, "looking for the recorded inputs")
        again = yield from wait_for(in_thread(lambda: _as_recorded(named, recorded)), step)
        steps = recorded.results.get("steps")
        outcome = yield from again.perform(steps=steps if isinstance(steps, int) else None)
        step = Progress(1, 1, "reading the recorded output")
        kept = yield from wait_for(in_thread(lambda: _kept(again.out, name, path, recorded)), step)
    same, lines = True, []
    for what, before, now in (
        ("input", recorded.inputs, outcome.run.inputs),
        ("output", recorded.outputs, outcome.run.outputs),
    ):
        for each in sorted(before):
            equal = _hash(before.get(each)) == _hash(now.get(each))
            same &= equal
            lines.append(f"{what} {each}: {'the same' if equal else 'differs'}")
    if kept is not None and name in recorded.outputs:
        equal = kept == _hash(recorded.outputs.get(name))
        same &= equal
        lines.append(f"{name} as it lies there: {'as recorded' if equal else 'not as recorded'}")
    lines += [
        f"{name} was {recorded.versions[name]}, is {outcome.run.versions.get(name)}"
        for name in recorded.versions
        if recorded.versions[name] != outcome.run.versions.get(name)
    ]
    return Comparison(same, lines)


def _as_recorded(named: Operation[Any], recorded: Run) -> Operation[Any]:
    """An operation with those inputs that its record identifies."""
    known: dict[str, Any] = {
        name: port.again(recorded.inputs[name])
        for name, port in inputs_of(named).items()
        if isinstance(recorded.inputs.get(name), dict)
    }
    return replace(named, **known)


def _kept(port: Out, name: str, path: Path, recorded: Run) -> str | None:
    """Hash of the recorded output as it lies now, or None if it is gone."""
    there = Path(str(recorded.outputs.get(name, {}).get("path", "")))
    for place in (path.with_name(name), there):
        if place.name == name and place.exists():
            try:
                return port.identity(place)
            except InputError:
                return ""
    return None


def _hash(entry: Any) -> Any:
    """What must agree: the hash or fingerprint, not the path or the name."""
    if not isinstance(entry, dict):
        return entry
    return entry.get("sha256") or entry.get("fingerprint")
