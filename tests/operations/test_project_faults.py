"""Each file of a project, written over while the disk fills, the process dies, or cut short."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_midl.engine import project
from napari_midl.errors import InputError
from napari_midl.methods.anatomy.checks import read_kept
from napari_midl.methods.anatomy.template import load_template
from napari_midl.methods.axons.entries import Entry
from napari_midl.methods.axons.fine import read_fine, write_fine
from napari_midl.methods.axons.store import read_entries, write_entries
from napari_midl.methods.staining.review import Field, read_review, write_review
from napari_midl.methods.vessels.kept import Shown, keep_shown, shown_last
from napari_midl.volumes.annotations import AnnotationStore, Patch
from napari_midl.volumes.landmarks import Landmarks, write_landmarks
from napari_midl.volumes.traces import Trace
from napari_midl.volumes.volume import Volume
from tests.operations.disk import Disk, Killed, watched

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass
class Kept:
    """A file of a project, and two states that it may hold."""

    name: str
    write: Callable[[Path, Any], object]
    read: Callable[[Path], Any]
    states: tuple[Any, Any]


def patches(folder: Path) -> AnnotationStore:
    return AnnotationStore(folder, Volume.from_array(np.zeros((4, 8, 8), np.uint8), name="image"))


def painted(label: int) -> Patch:
    return Patch((0, 0, 0), np.full((2, 4, 4), label, np.uint8), "patch 1")


def save_patch(path: Path, patch: Patch) -> None:
    store = patches(path.parent)
    store.load()
    store.save(patch)


def load_patch(path: Path) -> Any:
    found, problems = patches(path.parent).load()
    if problems:
        raise InputError(problems[0])
    return [(patch.origin, np.asarray(patch.labels).tolist()) for patch in found]


def told(entries: list[Entry]) -> Any:
    return [(e.name, e.accepted, np.round(e.trace.points, 3).tolist()) for e in entries]


def entry(name: str, x: float) -> Entry:
    points = np.array([[0.0, 1.0, x], [0.0, 1.5, x + 2], [0.0, 2.25, x + 4]])
    return Entry(Trace(name, points, np.full(3, 0.125)), accepted=True)


def placed(x: float) -> Landmarks:
    landmarks = Landmarks.missing(load_template("mandible").names)
    landmarks.points[::2] = (x, 2.0, 3.0)
    return landmarks


FIELDS = [Field(0, 0, 60, 70, 0.25, "accepted", "good"), Field(60, 0, 60, 70, 0.5, "", "")]
KEPT = [
    Kept("patch 1.tif", save_patch, load_patch, (painted(1), painted(2))),
    Kept(
        "traces.csv",
        write_entries,
        lambda path: told(read_entries(path)),
        ([entry("a", 3)], [entry("a", 5), entry("b", 7)]),
    ),
    Kept("fine places.csv", write_fine, read_fine, ([(0.0, 1.0, 2.0)], [(0.0, 3.0, 4.0)])),
    Kept(
        "landmarks.csv",
        write_landmarks,
        lambda path: str(read_kept(path, load_template("mandible")).points),
        (placed(1), placed(4)),
    ),
    Kept(
        "review.csv",
        lambda path, fields: write_review(fields, path),
        read_review,
        (FIELDS[:1], FIELDS),
    ),
    Kept(
        "voxel-size.json",
        lambda path, text: project.keep_size(path.parent, text),
        lambda path: project.typed_size(path.parent),
        ("2,1,1 um", "3,1,1 um"),
    ),
    Kept(
        "shown.json",
        lambda path, shown: keep_shown(shown, path),
        shown_last,
        (Shown("a.ome.zarr", 0.5), Shown("b.ome.zarr", 0.25)),
    ),
]
each = pytest.mark.parametrize("kept", KEPT, ids=lambda kept: kept.name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "image.tif.midl"
    made.mkdir()
    return made


def before_and_after(kept: Kept, folder: Path) -> tuple[list[Any], bytes, int]:
    """Both states as read, the bytes of the first, and how many writes the second takes."""
    path, read = folder / kept.name, []
    kept.write(path, kept.states[0])
    read.append(kept.read(path))
    first = path.read_bytes()
    with watched(Disk(folder)) as disk:
        kept.write(path, kept.states[1])
    read.append(kept.read(path))
    assert read[0] != read[1]
    return read, first, disk.writes


def begin_anew(folder: Path, name: str, held: bytes) -> None:
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / name).write_bytes(held)


@each
def test_on_a_full_disk_the_state_before_stays(kept, folder):
    (before, after), first, writes = before_and_after(kept, folder)
    for full_at in range(writes):
        begin_anew(folder, kept.name, first)
        with watched(Disk(folder, full_at=full_at)):
            try:
                kept.write(folder / kept.name, kept.states[1])
            except InputError as error:
                assert str(error).endswith(".") and "\n" not in str(error)
        assert kept.read(folder / kept.name) in (before, after)
        kept.write(folder / kept.name, kept.states[1])
        assert kept.read(folder / kept.name) == after


@each
def test_killed_at_any_write_either_state_is_whole(kept, folder):
    (before, after), first, writes = before_and_after(kept, folder)
    for kill_at in range(writes):
        begin_anew(folder, kept.name, first)
        with pytest.raises(Killed), watched(Disk(folder, kill_at=kill_at)):
            kept.write(folder / kept.name, kept.states[1])
        assert kept.read(folder / kept.name) in (before, after)
        kept.write(folder / kept.name, kept.states[1])
        assert kept.read(folder / kept.name) == after


@each
def test_a_file_that_was_cut_within_a_line_is_never_taken_for_another_state(kept, folder):
    """What a copy that broke off leaves; of tables a cut between two lines cannot be told."""
    (_, after), _, _ = before_and_after(kept, folder)
    path = folder / kept.name
    whole = path.read_bytes()
    step = max(1, len(whole) // 200)
    for length in range(0, len(whole) - 1, step):
        if kept.name.endswith(".csv") and whole[length - 1 : length] == b"\n":
            continue
        path.write_bytes(whole[:length])
        try:
            read = kept.read(path)
        except InputError as error:
            assert str(error).endswith((".", "?")) and "\n" not in str(error)
        else:
            assert read in (after, None, ""), f"cut to {length} bytes: {whole[:length]!r}"
