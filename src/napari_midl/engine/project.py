"""Where what belongs to an image is kept."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_data_path

from napari_midl.engine.journal import operation_of, time_of
from napari_midl.engine.runs import read_run, record_path
from napari_midl.errors import InputError
from napari_midl.volumes.atomic import not_written, whole_file
from napari_midl.volumes.space import typed_space

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_midl.volumes.volume import Volume

MODELS, RESULTS = "models", "results"
PATCHES = "patches"
_SIZE = "voxel_size"


def default_folder(volume: Volume) -> Path:
    """A folder beside the image, or in the user's data folder if that cannot be written.

    Beside the image it has the file's whole name: scan.1.tif and scan.2.tif are two images.
    """
    stem = volume.name
    if volume.source is not None:
        source = Path(volume.source)
        if source.exists() and os.access(source.parent, os.W_OK):
            return source.parent / f"{source.name}.midl"
    safe = "".join(c if c.isalnum() or c in "-_ " else "_" for c in stem).strip() or "image"
    size = "x".join(str(n) for n in volume.shape)
    return user_data_path("napari-midl", appauthor=False) / f"{safe} {size}"


def patches_folder(folder: Path, channel: int, time: int) -> Path:
    """Where the patches of one channel at one time are kept in a project folder."""
    return folder / f"{PATCHES}{_part(channel, time)}"


def classes_folder(folder: Path, channel: int, time: int) -> Path:
    """Where what was painted in classes of a person's own is kept, as for `patches_folder`."""
    return folder / f"classes{_part(channel, time)}"


def _part(channel: int, time: int) -> str:
    return "" if (channel, time) == (0, 0) else f" c{channel} t{time}"


def times_painted(folder: Path, place: Callable[[Path, int, int], Path], channel: int) -> list[int]:
    """The time points at which something of a channel is painted, in their order.

    Parameters
    ----------
    folder : Path
        The project folder.
    place : callable
        Where it is kept, such as `patches_folder`.
    channel : int
        Counted from 0.
    """
    found = set()
    for each in folder.iterdir() if folder.is_dir() else ():
        number = each.name.rpartition(" t")[2]
        time = int(number) if number.isdecimal() else 0
        if place(folder, channel, time) == each and any(each.glob("*.tif")):
            found.add(time)
    return sorted(found)


def corrections_folder(folder: Path, channel: int, time: int) -> Path:
    """Where the corrections of results of one channel at one time are kept."""
    return folder / f"corrections{_part(channel, time)}"


def shown_file(folder: Path, channel: int, time: int) -> Path:
    """Where it is kept which result of one channel at one time was shown last, and how."""
    return folder / RESULTS / f"shown{_part(channel, time)}.json"


def landmarks_file(folder: Path) -> Path:
    """Where the landmarks of a scan are kept in a project folder."""
    return folder / "landmarks.csv"


def size_file(folder: Path) -> Path:
    """Where the voxel size that a person typed is kept in a project folder."""
    return folder / "voxel-size.json"


def typed_size(folder: Path) -> str:
    """The voxel size that a person typed for the image of a folder; empty where none was.

    Raises
    ------
    InputError
        If its file is damaged.
    """
    path = size_file(folder)
    try:
        text = json.loads(path.read_text(encoding="utf-8"))[_SIZE]
        typed_space(text)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError, InputError):
        raise InputError(
            f"{path} holds no voxel size; delete it, and type the size in again."
        ) from None
    return str(text)


def keep_size(folder: Path, text: str) -> None:
    """Keep the voxel size that a person typed, or forget it where the text is empty.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    path = size_file(folder)
    try:
        if not text:
            path.unlink(missing_ok=True)
            return
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(path, error) from error
    with whole_file(path) as beside:
        beside.write_text(json.dumps({_SIZE: text}) + "\n", encoding="utf-8")


def results(
    folder: Path | None, suffix: str, operation: str | None = None, time: int = 0
) -> list[Path]:
    """The results of an operation, or of any, and of a time point in a project folder.

    They are in the order of their numbers; without a folder there are none.
    """
    found = (folder / RESULTS).glob(f"*{suffix}") if folder is not None else ()
    ours = (path for path in found if is_of(path, operation, time))
    return sorted(ours, key=lambda path: (len(path.name), path.name))


def is_of(result: Path, operation: str | None, time: int) -> bool:
    """Whether a result is of an operation, or of any, and of a time point.

    What neither it nor its record says counts as of each: an earlier version said nothing in what
    it left unfinished.
    """
    at, made_by = time_of(result), operation_of(result)
    if at is None or not made_by:
        with suppress(InputError):
            run = read_run(record_path(result))
            at = run.arguments.get("time") if at is None else at
            made_by = made_by or run.operation
    return at in (None, time) and (not made_by or operation in (None, made_by))


def free_name(folder: Path, stem: str, suffix: str) -> Path:
    """The first of ``stem-1``, ``stem-2``... that is not taken in a folder."""
    number = 1
    while (path := folder / f"{stem}-{number}{suffix}").exists():
        number += 1
    return path


def set_aside(path: Path) -> Path:
    """Move a damaged file out of the way, so that it is not written over.

    Raises
    ------
    InputError
        If it cannot be moved.
    """
    aside = free_name(path.parent, f"{path.stem}-unreadable", path.suffix)
    try:
        path.rename(aside)
    except OSError as error:
        raise not_written(aside, error) from error
    return aside
