"""A batch makes one trace of each fibre, and says once what came of its seeds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_midl.engine.inputs import ImageIn
from napari_midl.engine.jobs import run
from napari_midl.methods.axons.apply import Tracing
from napari_midl.methods.axons.batch import trace_each_fibre
from napari_midl.methods.axons.entries import Entry
from napari_midl.methods.axons.evidence import standing_out
from napari_midl.methods.axons.operations import Trace as TraceOperation
from napari_midl.methods.axons.ports import KnownIn, SeedsIn, TracesOut
from napari_midl.methods.axons.requests import RequestQueue, TraceRequest, branch
from napari_midl.methods.axons.score import score
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.methods.axons.trace_list import TraceList
from napari_midl.methods.axons.words import Counts, of_seeds
from napari_midl.volumes.traces import Seed, Trace
from napari_midl.volumes.volume import Volume


@pytest.fixture
def tracing(plane, base):
    return Tracing(plane, base, TraceSettings(width=1.0))


def seeds_at(line, *indices):
    return [Seed(str(i), (0.0, *line[i].tolist())) for i in indices]


def lines_of(found):
    return [trace for trace in found if len(trace.points)]


def test_many_seeds_on_one_fibre_make_one_trace(tracing, wave):
    line = wave[1]
    seeds = seeds_at(line, 100, 250, 400, 550, 700)
    found = run(trace_each_fibre(tracing, seeds))
    assert [trace.path for trace in found[:5]] == [seed.path for seed in seeds]
    (only,) = lines_of(found)
    assert score(only.points[:, 1:], line).coverage > 0.95
    assert {t.why for t in found[:5] if not len(t.points)} == {f"on {only.path}"}
    assert Counts.of(found, 5) == Counts(5, traces=1, traced=4, no_fibre=0, faint=0)


def test_a_seed_on_a_known_trace_is_passed_over(tracing, wave):
    line = wave[1]
    known = Trace("mine", np.pad(line, ((0, 0), (1, 0))), np.zeros(len(line)))
    (found,) = run(trace_each_fibre(tracing, seeds_at(line, 300), [known]))
    assert not len(found.points) and found.why == "on mine"


def test_only_what_is_new_of_a_fibre_is_added(tracing, wave):
    line = wave[1]
    half = Trace("half", np.pad(line[:400], ((0, 0), (1, 0))), np.zeros(400))
    (found,) = lines_of(run(trace_each_fibre(tracing, seeds_at(line, 600), [half])))
    assert score(found.points[:, 1:], line[420:]).coverage > 0.95
    assert np.linalg.norm(found.points[0, 1:] - line[400]) < 8
    assert score(found.points[:, 1:], line[:380]).coverage < 0.05


def test_seeds_in_noise_leave_no_trace(tracing, wave):
    noise = [Seed(f"n{i}", (0.0, 100.0, 20.0 * i)) for i in range(1, 9)]
    found = run(trace_each_fibre(tracing, [*noise, *seeds_at(wave[1], 400)]))
    (only,) = lines_of(found)
    assert score(only.points[:, 1:], wave[1]).coverage > 0.95
    counts = Counts.of(found, 9)
    assert counts.traces == 1 and counts.traced + counts.no_fibre + counts.faint == 8


def onwards(line, begin):
    way = line[begin + 24] - line[begin]
    return Seed("a", (0.0, *line[begin].tolist()), (0.0, *way.tolist()))


def test_a_seed_with_a_direction_goes_on_to_a_fibre_that_is_traced(tracing, wave):
    line = wave[1]
    known = Trace("mine", np.pad(line[600:], ((0, 0), (1, 0))), np.zeros(200))
    (found,) = run(trace_each_fibre(tracing, [onwards(line, 300)], [known]))
    points = found.points[:, 1:]
    assert score(points, line[300:600]).coverage > 0.95
    assert np.linalg.norm(points - line[600], axis=1).min() < 8
    assert score(points, line[620:]).coverage < 0.05
    assert found.why == "met another"


def test_a_seed_with_a_direction_goes_on_over_a_fibre_that_it_crosses(tracing, wave):
    line = wave[1]
    down = np.stack([np.zeros(100), np.arange(10.0, 110.0), np.full(100, line[500, 1])], 1)
    known = Trace("mine", down, np.zeros(100))
    (found,) = run(trace_each_fibre(tracing, [onwards(line, 300)], [known]))
    assert score(found.points[:, 1:], line[300:]).coverage > 0.95


def test_what_meets_a_branch_of_the_same_batch_grows_from_where_it_meets_it():
    rows, columns = np.indices((128, 160))
    away = np.minimum(np.abs(rows - 90), np.hypot(columns - 100, np.maximum(rows - 90, 0)))
    image = 25 + 120 * np.exp(-(away**2) / 4.5) + np.random.default_rng(0).normal(0, 6, rows.shape)
    volume = Volume.from_array(image[None].astype(np.float32), name="fork")
    stem = np.stack([np.zeros(20), np.full(20, 90.0), np.arange(10.0, 50.0, 2)], 1)
    traces, queue = TraceList([Entry(Trace("stem", stem, np.zeros(20)))]), RequestQueue()
    onwards = branch("branch", traces, (0.0, 90.0, 60.0))
    queue.waiting += [onwards, TraceRequest(Seed("side", (0.0, 50.0, 100.0)))]
    known = [entry.trace for entry in traces.entries]
    job = queue.begin(ImageIn.of(volume), "base", TraceSettings(), known).perform()
    queue.enter(traces, run(job).result)
    by_name = {entry.name: entry.trace for entry in traces.entries}
    side = by_name["side"]
    assert side.parent.path == "branch"
    np.testing.assert_array_equal(by_name["branch"].points[side.parent.index], side.points[0])


def test_a_seed_with_a_direction_along_a_fibre_that_is_traced_gives_nothing(tracing, wave):
    line = wave[1]
    known = Trace("mine", np.pad(line, ((0, 0), (1, 0))), np.zeros(len(line)))
    (found,) = run(trace_each_fibre(tracing, [onwards(line, 400)], [known]))
    assert not len(found.points) and found.why == "on mine"


def beside(line, index, away):
    """A seed that far, in px, to one side of a line at one of its points."""
    dy, dx = line[index + 1] - line[index]
    y, x = line[index] + away * np.array([dx, -dy]) / np.hypot(dy, dx)
    return Seed("a", (0.0, float(y), float(x)))


@pytest.mark.parametrize(("index", "away"), [(150, 8), (350, 6), (450, -11), (500, 20)])
def test_a_click_beside_a_fibre_goes_to_it(tracing, wave, index, away):
    seed = beside(wave[1], index, away)
    (found,) = run(trace_each_fibre(tracing, [seed], faint=True))
    assert found.path == "a" and found.uncertainty.mean() < 0.2
    assert score(found.points[:, 1:], wave[1]).coverage > 0.95


def test_a_click_beside_a_fibre_that_is_traced_names_it(tracing, wave):
    line = wave[1]
    known = Trace("mine", np.pad(line, ((0, 0), (1, 0))), np.zeros(len(line)))
    (found,) = run(trace_each_fibre(tracing, [beside(line, 450, -11)], [known], faint=True))
    assert not len(found.points) and found.why == "on mine"


@pytest.mark.parametrize(("index", "away"), [(150, 6), (250, 6), (300, -5)])
def test_a_click_beside_a_part_that_is_traced_begins_nothing_elsewhere(tracing, wave, index, away):
    line = wave[1]
    half = Trace("half", np.pad(line[:600], ((0, 0), (1, 0))), np.zeros(600))
    (found,) = run(trace_each_fibre(tracing, [beside(line, index, away)], [half], faint=True))
    assert not len(found.points) and found.why == "on half"
    (rest,) = run(trace_each_fibre(tracing, seeds_at(line, 700), [half], faint=True))
    assert rest.parent.path == "half" and score(rest.points[:, 1:], line[620:]).coverage > 0.95


def test_a_click_on_plain_ground_is_on_no_fibre(tracing, wave):
    # An agent goes from there along nothing, and then along the fibre.
    (found,) = run(trace_each_fibre(tracing, [beside(wave[1], 700, -15)], faint=True))
    assert not len(found.points) and found.why == "no fibre"


def test_what_had_ended_is_told_while_it_goes_on(tracing, wave):
    steps = list(trace_each_fibre(tracing, seeds_at(wave[1], 100, 700), most=1))
    done = [len(lines_of(p.preview.done)) for p in steps if p.preview]
    assert done == sorted(done) and done[-1] == 1


def test_what_grows_is_never_gone_before_it_has_ended(tracing, wave):
    steps = []
    run(trace_each_fibre(tracing, seeds_at(wave[1], 100, 400)), steps.append)
    growing = [len(lines_of(p.preview.growing)) for p in steps if p.preview and p.preview.growing]
    assert growing and min(growing[growing.index(2) :]) == 2
    said = {"0 of 2 seeds: 0 traces", "0 of 2 seeds: 0 traces, 2 under way"}
    assert {p.message for p in steps} >= said | {"2 of 2 seeds: 1 trace"}
    assert [p.done for p in steps] == sorted(p.done for p in steps)


def test_the_first_rounds_are_small_and_what_has_ended_is_measured(tracing, wave):
    noise = [Seed(f"n{i}", (0.0, 100.0, 20.0 * i)) for i in range(1, 9)]
    seeds = [*seeds_at(wave[1], 400), *noise]
    steps = list(trace_each_fibre(tracing, seeds, most=4, first=1))
    done = [p.preview.done for p in steps if p.preview]
    assert list(dict.fromkeys(map(len, done))) == [0, 1, 3, 7, 9]
    (trace,) = next(traces for traces in done if traces)
    assert np.nanmedian(trace.radius) == pytest.approx(1.8, abs=0.5)


def test_a_fibre_stands_out_and_noise_does_not(tracing, wave):
    line = wave[1]
    assert standing_out(tracing.pixels, line).min() > 4
    beside = np.stack([np.full(150, 105.0), np.arange(20.0, 170.0)], 1)
    assert np.abs(standing_out(tracing.pixels, beside)).max() < 2


def two_fibres(sign=1):
    """A plane with two fibres, bright or dark, and their centrelines."""
    rng = np.random.default_rng(3)
    x = np.linspace(4, 195, 400)
    lines = [np.stack([y + 8 * np.sin(x / 30), x], 1) for y in (40.0, 110.0)]
    rows, columns = np.indices((150, 200))
    image = np.full(rows.shape, 120.0)
    for line in lines:
        away = np.abs(rows - np.interp(columns, line[:, 1], line[:, 0]))
        image += sign * 80 * np.exp(-(away**2) / (2 * 1.5**2))
    return np.clip(image + rng.normal(0, 6, rows.shape), 0, 255).astype(np.uint8), lines


def operation(image, seeds=None, known=(), **how):
    volume = Volume.from_array(image[None], name="two")
    return TraceOperation(
        image=ImageIn.of(volume),
        seeds=None if seeds is None else SeedsIn(None, seeds),
        known=KnownIn(None, known),
        out=TracesOut(None),
        **how,
    )


@pytest.mark.parametrize("sign", [1, -1], ids=["bright", "dark"])
def test_all_fibres_are_found_without_seeds_whatever_their_polarity(sign):
    image, lines = two_fibres(sign)
    outcome = run(operation(image).perform())
    found = lines_of(outcome.result)
    assert outcome.run.results["fibres"] == ("bright" if sign > 0 else "dark")
    assert len(found) == 2
    for line in lines:
        assert max(score(t.points[:, 1:], line).coverage for t in found) > 0.95


def test_fibres_that_are_known_are_not_found_again_nor_those_outside_the_box():
    image, lines = two_fibres()
    known = Trace("mine", np.pad(lines[0], ((0, 0), (1, 0))), np.zeros(400))
    (found,) = lines_of(run(operation(image, known=[known]).perform()).result)
    assert score(found.points[:, 1:], lines[1]).coverage > 0.95
    (found,) = lines_of(run(operation(image, box="80:150,:").perform()).result)
    assert score(found.points[:, 1:], lines[1]).coverage > 0.95


def test_nothing_is_found_in_noise():
    noise = np.random.default_rng(0).normal(100, 10, (150, 200)).astype(np.uint8)
    outcome = run(operation(noise).perform())
    assert not lines_of(outcome.result)


@pytest.mark.parametrize("sign", [1, -1], ids=["bright", "dark"])
def test_a_seed_finds_out_whether_its_fibre_is_dark(sign):
    image, lines = two_fibres(sign)
    outcome = run(operation(image, seeds_at(lines[0], 200)).perform())
    assert score(outcome.result[0].points[:, 1:], lines[0]).coverage > 0.95


@pytest.mark.parametrize("sign", [1, -1], ids=["bright", "dark"])
def test_a_trace_ends_where_the_image_is_not_a_number(sign):
    image, lines = two_fibres(sign)
    padded = np.where(np.arange(image.shape[1]) < 120, image, np.nan).astype(np.float32)
    seeds = seeds_at(lines[0], 150)
    how = TraceSettings(fibres="bright" if sign > 0 else "dark")
    (trace,) = run(operation(padded, seeds, settings=how).perform()).result
    sure = trace.points[trace.uncertainty < 0.5, 1:]
    assert sure[:, 1].max() < 120
    assert score(sure, lines[0][lines[0][:, 1] < 117]).coverage > 0.95
    assert score(sure, lines[0]).error < 1


def test_overlaps_are_kept_on_demand():
    image, lines = two_fibres()
    seeds = seeds_at(lines[0], 100, 300)
    outcome = run(operation(image, seeds, keep_overlaps=True).perform())
    assert len(lines_of(outcome.result)) == 2
    outcome = run(operation(image, seeds).perform())
    assert len(lines_of(outcome.result)) == 1
    assert outcome.run.results["of_seeds"]["traced"] == 1


def test_looking_for_fibres_says_how_far_it_is_and_promises_no_end():
    image, _ = two_fibres()
    steps = []
    run(operation(image).perform(), steps.append)
    looked = [step for step in steps if "looking for seeds" in step.message]
    assert looked and all(step.total == 0 for step in looked)
    assert looked[-1].message.endswith("part {0} of {0}".format(len(looked)))


def test_the_summary_is_one_sentence():
    counts = Counts(12, traces=3, traced=7, no_fibre=2, faint=0)
    said = of_seeds(counts)
    assert said == "12 seeds: 3 traces, 7 lie on fibres traced already, 2 on no fibre"
    found = replace(counts, traced=1, no_fibre=0)
    assert of_seeds(found, given=False) == "3 new traces; 12 places looked at"
    none = of_seeds(replace(found, traces=0), given=False)
    assert none == "0 new traces, 1 lies on a fibre traced already; 12 places looked at"


def test_fibres_of_a_stack_are_found_too(base):
    rng = np.random.default_rng(0)
    along = np.linspace(0, 1, 150)
    line = np.stack([4 + 6 * along, 30 + 8 * np.sin(5 * along), 6 + 80 * along], 1)
    zz, yy, xx = np.indices((14, 60, 92))
    away = np.min([(zz - z) ** 2 + (yy - y) ** 2 + (xx - x) ** 2 for z, y, x in line[::2]], 0)
    stack = 20 + 150 * np.exp(-away / (2 * 1.6**2)) + rng.normal(0, 6, zz.shape)
    volume = Volume.from_array(np.clip(stack, 0, 255).astype(np.uint8), name="stack")
    wanted = TraceOperation(image=ImageIn.of(volume), out=TracesOut(None))
    (found,) = lines_of(run(wanted.perform()).result)
    assert score(found.points, line).coverage > 0.9
