"""What is finished of an output that grows tile by tile, so that it can be killed and go on.

The journal lies beside the OME-Zarr, a line for each tile that is written. It is there before
the OME-Zarr is, and goes when that is complete: wherever a kill comes, what is left is either
begun anew or resumed. Until then the OME-Zarr too says, in its attributes, that it is not
complete. Where no more than a box was asked for, the attributes name it and say once it is
there, and the journal stays, so that more can be added. This holds for killed programs; where
the power fails, the system may lose chunks that were written in the last seconds.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import zarr

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import not_written, remove_leftovers, whole_file
from napari_midl.volumes.multiscales import ABOUT
from napari_midl.volumes.ome_zarr import OmeZarrImage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

# Attributes of the OME-Zarr.
COMPLETE, BEGUN, TILES, TIME = "complete", "begun", "tiles", "time point"
OPERATION = "operation"
BOX, BOX_COMPLETE = "box", "box complete"


class Journal:
    """The list of finished tiles of one output, written as they finish.

    Parameters
    ----------
    out : Path
        The output.
    identity : dict
        What the output depends on (input, model, settings), as plain JSON values. A journal of
        anything else is refused, since its tiles would not fit.

    Attributes
    ----------
    done : set of int
        The finished tiles.

    Raises
    ------
    InputError
        If there is a journal that is none or of another output, or it cannot be written.
    """

    def __init__(self, out: Path, identity: dict[str, Any]) -> None:
        self.out, self.path = out, _path(out)
        self.done: set[int] = set()
        header = json.dumps(identity, sort_keys=True)
        if not self.path.exists():
            self._rewrite([header])
            return
        before, lines = _read(self.path)
        now = json.loads(header)
        if before != now:
            raise InputError(
                f"{self.path} was left by a prediction with {', '.join(_differences(before, now))};"
                " go on with what it began with, or choose another output."
            )
        self.done = _finished(lines)
        if lines[-1:] != [""]:
            self._rewrite([header, *map(str, sorted(self.done))])

    def mark(self, index: int) -> None:
        """Note that a tile is written.

        Raises
        ------
        InputError
            If the note cannot be written.
        """
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{index}\n")
        except OSError as error:
            raise not_written(self.path, error) from error
        self.done.add(index)

    def close(self, box: str = "") -> None:
        """Say that the output is complete, and remove the journal and what kills left.

        Parameters
        ----------
        box : str
            What of it is there, as `boxes.box_in` takes it; then the journal stays.

        Raises
        ------
        InputError
            If that cannot be written.
        """
        about = {COMPLETE: not box, BOX: box, BOX_COMPLETE: bool(box)}
        OmeZarrImage.open(self.out).tell(**about)
        remove_leftovers(self.out)
        remove_leftovers(self.path)
        if not box:
            self.path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove the output and the journal."""
        shutil.rmtree(self.out, ignore_errors=True)
        self.path.unlink(missing_ok=True)

    def _rewrite(self, lines: Sequence[str]) -> None:
        with whole_file(self.path) as beside:
            beside.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _differences(before: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """What an output depends on that has changed: of settings, also what they were."""
    for name in sorted({*before, *now}):
        was, is_now = before.get(name), now.get(name)
        if was == is_now:
            continue
        if name == "settings" and isinstance(was, dict) and isinstance(is_now, dict):
            for each in sorted({*was, *is_now}):
                if was.get(each) != is_now.get(each):
                    plain = each.replace("_", " ")
                    yield f"{plain} {_shown(was.get(each))} and not {_shown(is_now.get(each))}"
        else:
            yield f"another {name}"


def _shown(value: Any) -> str:
    """A setting as a person writes it."""
    if isinstance(value, bool) or value is None:
        return "on" if value else "off"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def is_unfinished(out: Path) -> bool:
    """Whether an output was left before its end, so that it can be resumed."""
    return out.is_dir() and _path(out).is_file() and not finished_box(out)


def finished_box(out: Path) -> str:
    """The box that was asked for last, if an output holds all of it and not all of its image.

    Returns
    -------
    str
        As `boxes.box_in` takes it, else empty.
    """
    return wanted_box(out) if _about(out).get(BOX_COMPLETE) is True else ""


def wanted_box(out: Path) -> str:
    """The box that was asked for last, whether it is there or not; empty if all was."""
    return str(_about(out).get(BOX, ""))


def time_of(out: Path) -> int | None:
    """The time point of its input that an output is of, where it says so."""
    time = _about(out).get(TIME)
    return time if isinstance(time, int) else None


def operation_of(out: Path) -> str:
    """The name of the operation that makes an output; empty where it does not say so."""
    return str(_about(out).get(OPERATION, ""))


def _about(out: Path) -> dict[str, Any]:
    """What an output says of itself."""
    try:
        attributes: dict[str, Any] = zarr.open_group(out, mode="r").attrs.asdict()
    except (OSError, ValueError):
        return {}
    about = attributes.get(ABOUT)
    return about if isinstance(about, dict) else {}


def begun_with(out: Path) -> dict[str, Any]:
    """What an unfinished output depends on; only the same can go on with it.

    Returns
    -------
    dict
        The identity that its journal began with; ``settings`` are among it.

    Raises
    ------
    InputError
        If its journal cannot be read or is none.
    """
    return _read(_path(out))[0]


def finished_tiles(out: Path) -> set[int] | None:
    """The tiles that are written of an output of which some are missing; None of a whole one.

    Raises
    ------
    InputError
        If its journal cannot be read or is none.
    """
    return _finished(_read(_path(out))[1]) if _path(out).is_file() else None


def check(out: Path, resume: bool) -> None:
    """Refuse an output that is taken, or that cannot be resumed.

    Raises
    ------
    InputError
        If so.
    """
    if not out.exists():
        # A kill can come after the journal is written and before the output is there.
        if resume and not _path(out).exists():
            raise InputError(f"{out} does not exist, there is nothing to resume; check the path.")
    elif not resume:
        go_on = "pass --resume to go on with it, or " if _path(out).exists() else ""
        raise InputError(f"{out} exists already; {go_on}choose another output.")
    elif not _path(out).exists():
        raise InputError(f"{out} {_no_journal(out)}.")
    else:
        begun_with(out)


def _no_journal(out: Path) -> str:
    """Why an output has no journal, and what to do."""
    about = _about(out)
    if about.get(COMPLETE) is True:
        return (
            "is complete already, there is nothing to resume; choose another output for a new one"
        )
    if COMPLETE in about:
        return f"cannot be resumed without {_path(out).name}; move that beside it, or begin anew"
    return "was not made by napari-midl, so it cannot be resumed; choose another output"


def begin(
    out: Path, identity: dict[str, Any], create: Callable[[Path], object], box: str = ""
) -> Journal:
    """Create an output, or open it to go on.

    Parameters
    ----------
    out : Path
        The OME-Zarr, which `check` does not refuse.
    identity : dict
        What it depends on.
    create : callable
        Makes it, all of it or nothing.
    box : str
        What of it is wanted; all where it is empty.

    Raises
    ------
    InputError
        If the output is another prediction's, or cannot be written.
    """
    if out.exists():
        journal = Journal(out, identity)
        if box or wanted_box(out):
            OmeZarrImage.open(out).tell(**{BOX: box, BOX_COMPLETE: False})
        for left in out.rglob("*.partial"):  # what zarr calls a chunk while it writes it
            left.unlink(missing_ok=True)
        return journal
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _path(out).unlink(missing_ok=True)
    except OSError as error:
        raise not_written(out, error) from error
    journal = Journal(out, identity)
    try:
        create(out)
    except BaseException:
        if not out.exists():
            journal.path.unlink(missing_ok=True)
        raise
    if box:
        OmeZarrImage.open(out).tell(**{BOX: box})
    return journal


def _path(out: Path) -> Path:
    return out.with_name(out.name + ".progress")


def _read(path: Path) -> tuple[dict[str, Any], list[str]]:
    """The identity in a journal, and its other lines."""
    try:
        header, *lines = path.read_text(encoding="utf-8").split("\n")
        identity = json.loads(header)
    except (OSError, ValueError, RecursionError) as error:
        raise _wrong(path, f"it cannot be read: {error}") from error
    if not isinstance(identity, dict) or not isinstance(identity.get("settings", {}), dict):
        raise _wrong(path, "its first line says not what the output depends on")
    return identity, lines


def _finished(lines: Sequence[str]) -> set[int]:
    # A line cut short by a crash names no finished tile, and must not lead the next one.
    return {int(line) for line in lines[:-1] if _is_index(line)}


def _wrong(path: Path, fault: str) -> InputError:
    out = path.name.removesuffix(".progress")
    return InputError(
        f"{path} is no journal of an unfinished output ({fault}); choose another output, or "
        f"delete {path.name} and {out} and begin anew."
    )


def _is_index(line: str) -> bool:
    return line.isascii() and line.isdigit() and len(line) < 16
