"""A run as a Process Run Crate (RO-Crate, profile 0.5), for archives and other tools."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from napari_midl.engine.operations import OPERATIONS, inputs_of
from napari_midl.engine.runs import read_run
from napari_midl.errors import InputError
from napari_midl.volumes.atomic import not_written, refuse_existing, whole_folder
from napari_midl.volumes.nifti import files_of

if TYPE_CHECKING:
    from napari_midl.engine.runs import Run

PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
TERMS = "https://w3id.org/ro/terms/workflow-run/context"  # among them sha256


def write_crate(record: Path, out: Path, *, licence: str = "", copy_inputs: bool = False) -> None:
    """Write a folder of the record, what it made, and the metadata that ties them together.

    One ``CreateAction`` has the program as its ``instrument``, the inputs and the options as its
    ``object``, and the outputs as its ``result``.

    Parameters
    ----------
    record : Path
        A run record.
    out : Path
        The folder to write.
    licence : str
        Licence of the data, as an address or in words.
    copy_inputs : bool
        Copy the inputs too; otherwise they are named by where they lie, with their hashes.

    Raises
    ------
    InputError
        If the record is none, an output is gone, the folder exists or cannot be written, or
        ro-crate-py is not installed.
    """
    try:
        from rocrate.rocrate import ROCrate
    except ImportError:
        raise InputError(
            "a crate needs ro-crate-py; run: pip install 'napari-midl[crate]'."
        ) from None
    run = read_run(record)
    refuse_existing(out)
    crate = ROCrate(version="1.1")
    crate.metadata.extra_contexts.append(TERMS)
    root = crate.root_dataset
    crate.name = f"{run.operation}: {', '.join(run.outputs) or record.name}"
    crate.description = f"A run of {run.operation} by napari-midl, with its record."
    crate.license = licence or "not stated"
    profile = _entity(
        crate, PROFILE, "CreativeWork", name="Process Run Crate", version=PROFILE.rsplit("/", 1)[1]
    )
    root["conformsTo"] = profile
    results = [
        _data(crate, _output(name, about, record), about, copy=True)
        for name, about in run.outputs.items()
    ]
    read = _inputs(run, record)
    if copy_inputs and (gone := next((path for path, *_ in read if not path.exists()), None)):
        raise InputError(
            f"{gone} is gone, which {record} tells of; put it there again, or leave out "
            "--copy-inputs."
        )
    objects = [
        _data(crate, file, about if file == path else {}, copy=copy_inputs, folder=folder)
        for path, about, folder in read
        for file in _files(path, must_be_there=copy_inputs)
    ]
    options = [
        _entity(crate, f"#option-{name}", "PropertyValue", name=name, value=value)
        for name, value in {**run.arguments, **run.settings}.items()
        if value is not None
    ]
    version = run.versions.get("napari-midl", "unknown")
    program = _entity(
        crate, "#napari-midl", "SoftwareApplication", name="napari-midl", softwareVersion=version
    )
    action = _entity(
        crate,
        f"#{uuid4()}",
        "CreateAction",
        name=run.operation,
        instrument=program,
        object=[*objects, *options],
        result=results,
        **_times(run),
    )
    root["mentions"] = [action]
    noted = crate.add_file(str(record), properties={"encodingFormat": "application/json"})
    noted["about"] = action
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(out, error) from error
    with whole_folder(out) as beside:
        crate.write(beside)


def _output(name: str, about: dict[str, Any], record: Path) -> Path:
    """Where an output lies: beside its record, or where it was written."""
    for place in (record.with_name(name), Path(str(about.get("path", "")))):
        if place.name == name and place.exists():
            return place
    raise InputError(f"{name} is gone, which {record} tells of; put it beside the record.")


def _inputs(run: Run, record: Path) -> list[tuple[Path, dict[str, Any], str]]:
    """The files that a run has read, with what is known of each and a folder for it alone."""
    if run.operation not in OPERATIONS:
        raise InputError(f"{record} is of {run.operation!r}, which is not known here.")
    done = OPERATIONS[run.operation].of(**{**run.arguments, **run.settings})
    found: list[tuple[Path, dict[str, Any], str]] = []
    for name, port in inputs_of(done).items():
        paths = list(dict.fromkeys(port.files))
        if len(paths) == 1:
            found.append((paths[0], run.inputs.get(name, {}), f"inputs/{name}/"))
        else:  # what is known is of all together
            found += [(path, {}, f"inputs/{name}/{n}/") for n, path in enumerate(paths, 1)]
    return found


def _files(path: Path, *, must_be_there: bool) -> list[Path]:
    """An input, and the other half of an image in a pair of files."""
    try:
        return files_of(path)
    except InputError:  # that is gone
        if must_be_there:
            raise
        return [path]


def _data(crate: Any, path: Path, about: dict[str, Any], *, copy: bool, folder: str = "") -> Any:
    """A file or folder, copied into the crate or named by where it lies."""
    known = {k: about[k] for k in ("sha256",) if about.get(k)}
    if "fingerprint" in about:
        known["identifier"] = f"fingerprint {about['fingerprint']}"
    properties = {"name": path.name, **known}
    add = crate.add_dataset if path.is_dir() else crate.add_file
    if copy and path.exists():
        return add(str(path), f"{folder}{path.name}", properties=properties)
    return add(path.resolve().as_uri(), fetch_remote=False, properties=properties)


def _entity(crate: Any, identifier: str, kind: str, **properties: Any) -> Any:
    from rocrate.model.contextentity import ContextEntity

    return crate.add(ContextEntity(crate, identifier, properties={"@type": kind, **properties}))


def _times(run: Run) -> dict[str, str]:
    """When it began and ended, where the record tells."""
    if not run.ended:
        return {}
    ended = datetime.fromisoformat(run.ended).astimezone(UTC)
    began = ended - timedelta(seconds=run.seconds)
    return {
        "startTime": began.isoformat(timespec="seconds"),
        "endTime": ended.isoformat(timespec="seconds"),
    }
