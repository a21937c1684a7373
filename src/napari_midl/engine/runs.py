"""The record of a run: enough to do it again."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import whole_file

VERSION = 2
ENDING = ".run.json"
_PACKAGES = ("napari-midl", "torch", "numpy", "scipy", "scikit-image", "zarr", "ome-zarr", "dask")


@dataclass(frozen=True)
class Run:
    """What was done, to what, with what, and what came out.

    Parameters
    ----------
    operation : str
        Name of what was done, such as ``vessels.predict``.
    arguments : dict
        Its options other than the settings, by the names that the command line has for them;
        whole paths.
    settings : dict
        All fields of its settings.
    inputs : dict
        Identity of each input: fingerprint, shape, hash of the weights.
    outputs : dict
        For the output and each file that belongs to it, by its name: path and hash.
    results : dict
        Scores, steps taken and the like.
    seconds : float
        How long it took.
    ended : str
        When it ended, in universal time (ISO 8601); empty in records that do not tell.
    versions : dict
        Versions of Python, the platform and the packages that matter.
    """

    operation: str
    arguments: dict[str, Any]
    settings: dict[str, Any]
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    ended: str = ""
    versions: dict[str, str] = field(default_factory=lambda: versions())


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
    return output.with_name(f"{output.name}{ENDING}")


def write_run(run: Run, path: Path) -> None:
    """Write a record; it appears only once it is complete.

    Raises
    ------
    InputError
        If the folder cannot be written or has no room.
    """
    text = json.dumps({"version": VERSION, **asdict(run)}, indent=2) + "\n"
    with whole_file(path) as beside:
        beside.write_text(text, encoding="utf-8")


def read_run(path: Path) -> Run:
    """Read a record, also one of an earlier version.

    Raises
    ------
    InputError
        If the file is missing or no run record.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise InputError(f"{path} cannot be read; give the path of a {ENDING} file.") from None
    except (ValueError, RecursionError):
        raise _no_record(path) from None
    version = values.pop("version", None) if isinstance(values, dict) else None
    if isinstance(version, int) and version > VERSION:
        raise InputError(f"{path} is a run record of a later release; replay it with that one.")
    try:
        run = _adapter().validate_python(values)
        return _of_version_1(run) if version == 1 else run
    except (ValueError, KeyError, TypeError):
        raise _no_record(path) from None


def schema() -> dict[str, Any]:
    """JSON Schema of a run record."""
    about = _adapter().json_schema()
    about["properties"]["version"] = {"const": VERSION, "description": "Version of this format."}
    about["required"] = ["version", *about["required"]]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **about}


def _of_version_1(run: Run) -> Run:
    """A record of version 1, which named outputs by what they were and channels in a list."""
    arguments = dict(run.arguments)
    written = {Path(o["path"]).name: o for o in run.outputs.values() if "path" in o}
    # A folder had no hash.
    outputs = {name: o for name, o in written.items() if "sha256" in o}
    if "channels" in arguments:
        reflectance, fluorescence = arguments.pop("channels")
        arguments |= {"reflectance_channel": reflectance, "fluorescence_channel": fluorescence}
    if "out" not in arguments and written:
        arguments["out"] = next(iter(written))
    values = {**asdict(run), "arguments": arguments, "outputs": outputs}
    return Run(**values)


def _no_record(path: Path) -> InputError:
    return InputError(
        f"{path} is no run record; give the {ENDING} file that lies beside an output."
    )


@cache
def _adapter() -> TypeAdapter[Run]:
    return TypeAdapter(Run)
