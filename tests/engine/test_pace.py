from __future__ import annotations

import pytest

from napari_midl.engine import pace
from napari_midl.engine.pace import Pace, roughly, spoken


class Clock:
    now = 0.0


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace.time, "monotonic", lambda: clock.now)
    return clock


def test_the_time_left_follows_the_share_done_since_it_was_first_seen(clock):
    measured = Pace()
    assert measured.left(10, 100) is None
    clock.now = 30
    assert measured.left(40, 100) == pytest.approx(60)  # a point a second
    assert measured.left(100, 100) is None


@pytest.mark.parametrize("done, total, now", [(7, 0, 60), (1e-9, 1, 60), (0.5, 1, 0.5)])
def test_what_cannot_be_told_is_not_told(clock, done, total, now):
    measured = Pace()
    measured.left(0, total)
    clock.now = now
    assert measured.left(done, total) is None


def test_the_time_left_is_told_from_the_third_tile_of_however_many(clock):
    measured = Pace()
    for done in range(3):
        clock.now = 10.0 * done
        assert measured.left(done, 40_960) is None
    clock.now = 30
    assert measured.left(3, 40_960) == pytest.approx(409_570)


def test_a_pause_does_not_count(clock):
    measured = Pace()
    measured.left(0, 4)
    clock.now = 10
    measured.left(1, 4)
    measured.stop()
    clock.now = 1000
    measured.left(1, 4)
    clock.now = 1010
    assert measured.left(2, 4) == pytest.approx(20)


def test_another_part_of_a_job_has_a_pace_of_its_own(clock):
    measured = Pace()
    measured.left(0, 4)
    clock.now = 1000
    measured.left(4, 4)
    measured.left(0, 10)
    clock.now = 1005
    assert measured.left(5, 10) == pytest.approx(5)


@pytest.mark.parametrize(
    "seconds, words",
    [
        (0.2, "0 s"),
        (59.4, "59 s"),
        (125, "2 min 5 s"),
        (3600, "1 h 0 min"),
        (78_540, "22 h"),
        (90_000, "1 day 1 h"),
        (273_600, "3 days 4 h"),
        (1_000_000, "11 days"),
    ],
)
def test_spans_in_words(seconds, words):
    assert spoken(seconds) == words


@pytest.mark.parametrize(
    "seconds, words",
    [
        (5, "less than a minute"),
        (40, "about a minute"),
        (3000, "about 50 minutes"),
        (4000, "about 67 minutes"),
        (7200, "about 2 hours"),
        (260_000, "about 3 days"),
    ],
)
def test_rough_spans_in_words(seconds, words):
    assert roughly(seconds) == words
