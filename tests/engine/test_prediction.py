from __future__ import annotations

import weakref
from threading import Barrier, Event

import numpy as np
import pytest
import torch

from napari_midl.engine.devices import out_of_memory_as_exception
from napari_midl.engine.jobs import run
from napari_midl.engine.journal import Journal
from napari_midl.engine.prediction import predict_tiles
from napari_midl.engine.tiles import Tiling
from napari_midl.errors import InputError

SHAPE = (8, 32, 40)
IMAGE = np.random.default_rng(0).random(SHAPE).astype(np.float32)
TILING = Tiling(SHAPE, (4, 8, 8), (2, 2, 2), (2, 2, 2))


def box_sum(block, part, stop):
    """A filter that needs one voxel of context."""
    padded = np.pad(block, 1)
    total = sum(
        padded[
            1 + z : 1 + z + block.shape[0], 1 + y : 1 + y + block.shape[1], 1 : 1 + block.shape[2]
        ]
        for z in (-1, 0, 1)
        for y in (-1, 0, 1)
    )
    return total[part][None]


def job(out, journal, compute=box_sum, focus=None, at_once=1, glimpse=0):
    def write(region, block):
        out[region] = block[0]

    return predict_tiles(
        TILING,
        lambda r: IMAGE[r],
        compute,
        write,
        journal,
        focus,
        at_once=at_once,
        glimpse=glimpse,
    )


def test_tiles_give_what_the_whole_gives(tmp_path):
    out = np.zeros(SHAPE, np.float32)
    run(job(out, Journal(tmp_path / "j", {})))
    np.testing.assert_array_equal(out, box_sum(IMAGE, ..., None)[0])


def test_tiles_are_computed_side_by_side_as_one_after_the_other(tmp_path):
    out = np.zeros(SHAPE, np.float32)
    both = Barrier(2)

    def compute(block, part, stop):
        both.wait(timeout=30)  # nobody passes alone
        return box_sum(block, part, stop)

    shown = []
    work = job(out, Journal(tmp_path / "j", {}), compute, focus=(1, 30, 38), at_once=2)
    run(work, lambda p: shown.append(p.preview) if p.preview else None)
    np.testing.assert_array_equal(out, box_sum(IMAGE, ..., None)[0])
    assert shown == [TILING.core(int(i)) for i in TILING.nearest_first((1, 30, 38))]


def test_an_error_in_a_tile_ends_those_beside_it(tmp_path):
    def compute(block, part, stop):
        if started.wait(timeout=0):
            assert stop.wait(timeout=30)
            return box_sum(block, part, stop)
        started.set()
        raise InputError("damaged")

    started = Event()
    with pytest.raises(InputError, match="damaged"):
        run(job(np.zeros(SHAPE, np.float32), Journal(tmp_path / "j", {}), compute, at_once=2))


@pytest.mark.usefixtures("two_threads")
def test_other_threads_keep_theirs(tmp_path):
    before = torch.get_num_threads()
    used = set()

    def compute(block, part, stop):
        used.add(torch.get_num_threads())
        return box_sum(block, part, stop)

    run(job(np.zeros(SHAPE, np.float32), Journal(tmp_path / "j", {}), compute, at_once=2))
    assert used == {max(1, before // 2)}
    assert torch.get_num_threads() == before


def test_a_stopped_prediction_computes_only_what_is_missing(tmp_path):
    out = np.zeros(SHAPE, np.float32)
    computed: list[None] = []

    def compute(block, part, stop):
        computed.append(None)
        return box_sum(block, part, stop)

    first = job(out, Journal(tmp_path / "j", {"a": 1}), compute)
    while len(Journal(tmp_path / "j", {"a": 1}).done) < 5:
        next(first)
    first.close()
    journal = Journal(tmp_path / "j", {"a": 1})
    finished = set(journal.done)
    assert 5 <= len(finished) < len(TILING)
    computed.clear()
    run(job(out, journal, compute))
    assert len(computed) == len(TILING) - len(finished)
    np.testing.assert_array_equal(out, box_sum(IMAGE, ..., None)[0])


def test_a_tile_too_large_for_the_memory_is_halved(tmp_path):
    out = np.zeros(SHAPE, np.float32)

    def compute(block, part, stop):
        if block.size > 700:
            raise MemoryError
        return box_sum(block, part, stop)

    run(job(out, Journal(tmp_path / "j", {}), compute))
    np.testing.assert_array_equal(out, box_sum(IMAGE, ..., None)[0])


def test_what_did_not_fit_is_gone_before_the_halves_are_computed(tmp_path):
    out, taken = np.zeros(SHAPE, np.float32), []

    def compute(block, part, stop):
        assert all(reference() is None for reference in taken)
        features = np.ones(block.shape)  # as a network's layers hold
        taken.append(weakref.ref(features))
        if block.size > 700:
            with out_of_memory_as_exception():
                raise torch.OutOfMemoryError("no room")
        return box_sum(block, part, stop)

    run(job(out, Journal(tmp_path / "j", {}), compute))
    np.testing.assert_array_equal(out, box_sum(IMAGE, ..., None)[0])


def test_the_first_tile_is_where_a_person_looks(tmp_path):
    shown = []
    run(
        job(np.zeros(SHAPE, np.float32), Journal(tmp_path / "j", {}), focus=(1, 30, 38)),
        lambda p: shown.append(p.preview) if p.preview else None,
    )
    assert shown[0] == (slice(0, 4), slice(24, 32), slice(32, 40))


def test_a_piece_where_a_person_looks_is_shown_before_its_tile_is_begun(tmp_path):
    out, computed, shown = np.zeros(SHAPE, np.float32), [], []

    def compute(block, part, stop):
        computed.append(block.shape)
        return box_sum(block, part, stop)

    def look(progress):
        if progress.preview and not shown:
            assert len(computed) == 1
            assert out.any()
        if progress.preview:
            shown.append(progress.preview)

    journal = Journal(tmp_path / "j", {})
    run(job(out, journal, compute, focus=(1, 30, 38), at_once=2, glimpse=40), look)
    piece, tile = shown[:2]
    assert piece == (slice(0, 2), slice(28, 32), slice(36, 40))
    assert tile == (slice(0, 4), slice(24, 32), slice(32, 40))
    assert len(shown) == len(TILING) + 1 and len(journal.done) == len(TILING)
    np.testing.assert_array_equal(out, box_sum(IMAGE, ..., None)[0])


def test_what_was_stopped_at_its_piece_computes_the_tile(tmp_path):
    out = np.zeros(SHAPE, np.float32)
    first = job(out, Journal(tmp_path / "j", {}), focus=(1, 30, 38), glimpse=40)
    while next(first).preview is None:
        pass
    first.close()
    journal = Journal(tmp_path / "j", {})
    assert journal.done == set()
    run(job(out, journal))
    np.testing.assert_array_equal(out, box_sum(IMAGE, ..., None)[0])


def test_nobody_who_looks_and_no_piece_of_a_small_tile(tmp_path):
    for name, how in (("a", {"glimpse": 40}), ("b", {"glimpse": 4096, "focus": (1, 30, 38)})):
        shown = []
        work = job(np.zeros(SHAPE, np.float32), Journal(tmp_path / name, {}), **how)
        run(work, lambda p, shown=shown: shown.append(p.preview) if p.preview else None)
        assert len(shown) == len(TILING)


def test_a_tile_is_shown_before_the_next_is_computed(tmp_path):
    first, seen = Event(), Event()

    def compute(block, part, stop):
        if first.is_set():
            assert seen.wait(timeout=60)
        first.set()
        return box_sum(block, part, stop)

    def look(progress):
        if progress.preview:
            seen.set()

    run(job(np.zeros(SHAPE, np.float32), Journal(tmp_path / "j", {}), compute), look)


def test_an_error_while_writing_ends_the_job(tmp_path):
    def write(region, block):
        raise InputError("disk full")

    with pytest.raises(InputError, match="disk full"):
        run(predict_tiles(TILING, lambda r: IMAGE[r], box_sum, write, Journal(tmp_path / "j", {})))
    assert Journal(tmp_path / "j", {}).done == set()
