"""The record of a run: enough to do it again, and to see whether it comes out the same."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from napari_midl.engine.jobs import Job
from napari_midl.errors import InputError
from napari_midl.volumes.atomic import whole_file

VERSION = 1
_PACKAGES = ("napari-midl", "torch", "numpy", "scipy", "scikit-image", "zarr", "ome-zarr", "dask")


@dataclass(frozen=True)
class Run:
    """What was done, to what, with what, and what came out.

    Parameters
    ----------
    operation : str
        Name of what was done, such as ``vessels.predict``.
    arguments : dict
        Its arguments other than the settings; paths as strings.
    settings : dict
        All fields of its settings.
    inputs : dict
        Identity of each input: fingerprint, shape, hash of the weights.
    outputs : dict
        For each output its path and hash.
    results : dict
        Scores, steps taken and the like.
    seconds : float
        How long it took.
    versions : dict
        Versions of Python, the platform and the packages that matter.
    """

    operation: str
    arguments: dict[str, Any]
    settings: dict[str, Any]
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    versions: dict[str, str] = field(default_factory=lambda: versions())


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


Operation = Callable[[Run, Path], Job[Run]]


def versions() -> dict[str, str]:
    """Versions of Python, the platform and the packages that matter."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def record_path(output: Path) -> Path:
    """Where the record of an output lies: beside it."""
    return output.with_name(f"{output.name}.run.json")


def recorded_image(run: Run) -> Path:
    """Where the image of a run lies.

    Raises
    ------
    InputError
        If it came from no file.
    """
    if run.arguments["image"] is None:
        raise InputError(
            f"the image of this {run.operation} came from no file; save the image, open the file "
            "and run it again for a record that can be replayed."
        )
    return Path(run.arguments["image"])


def as_many_steps(run: Run, minutes: float) -> dict[str, Any]:
    """A run's settings with which only the steps count: the time depends on the computer."""
    return {**run.settings, "minutes": minutes, "steps": run.results["steps"]}


def write_run(run: Run, path: Path) -> None:
    """Write a record; it appears only once it is complete.

    Raises
    ------
    InputError
        If the folder cannot be written or has no room.
    """
    with whole_file(path) as beside:
        beside.write_text(json.dumps({"version": VERSION, **asdict(run)}, indent=2) + "\n")


def read_run(path: Path) -> Run:
    """Read a record.

    Raises
    ------
    InputError
        If the file is missing or no run record.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values.pop("version") != VERSION:
            raise InputError(
                f"{path} is a run record of another version; replay it with that release."
            )
        return Run(**values)
    except OSError:
        raise InputError(f"{path} cannot be read; give the path of a .run.json file.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            f"{path} is no run record; give the .run.json file that lies beside an output."
        ) from None


def replay(path: Path, operations: Mapping[str, Operation]) -> Job[Comparison]:
    """Do a recorded run again into a temporary folder and compare.

    Parameters
    ----------
    path : Path
        A run record.
    operations : mapping of str to callable
        For each operation's name what does it again: given the record and a folder to
        write to, a job that returns the new record.

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
    if recorded.operation not in operations:
        raise InputError(
            f"{path} records {recorded.operation!r}, which cannot be replayed; "
            f"it must be one of {', '.join(operations)}."
        )
    with TemporaryDirectory(prefix="napari-midl-replay-") as folder:
        again = yield from operations[recorded.operation](recorded, Path(folder))
    same, lines = True, []
    for what, before, now in (
        ("input", recorded.inputs, again.inputs),
        ("output", recorded.outputs, again.outputs),
    ):
        for name in sorted(before):
            equal = _hash(before.get(name)) == _hash(now.get(name))
            same &= equal
            lines.append(f"{what} {name}: {'the same' if equal else 'differs'}")
    lines += [
        f"{name} was {recorded.versions[name]}, is {again.versions.get(name)}"
        for name in recorded.versions
        if recorded.versions[name] != again.versions.get(name)
    ]
    return Comparison(same, lines)


def _hash(entry: Any) -> Any:
    """What must agree: the hash or fingerprint, not the path or the name."""
    if not isinstance(entry, dict):
        return entry
    return entry.get("sha256") or entry.get("fingerprint")
