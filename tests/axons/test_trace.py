"""The shipped tracker follows fibres: in planes and stacks, from one seed and from many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dask.array as da
import numpy as np
import pytest

from napari_midl.engine.inputs import ImageIn
from napari_midl.engine.jobs import run
from napari_midl.errors import InputError
from napari_midl.methods.axons import operations, pixels
from napari_midl.methods.axons.apply import Tracing, connect, trace
from napari_midl.methods.axons.ports import SeedsIn, TracesOut
from napari_midl.methods.axons.score import score
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.methods.axons.synthetic import LOOKS, synthetic_image
from napari_midl.volumes.traces import Seed, resample
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from napari_midl.engine.models import Model

Wave = tuple[np.ndarray, np.ndarray]


def seed_on(line: np.ndarray, index: int, ahead: int = 24, path: str = "a") -> Seed:
    y, x = line[index]
    dy, dx = line[index + ahead] - line[index]
    return Seed(path, (0.0, y, x), (0.0, dy, dx))


@pytest.mark.parametrize("condition", LOOKS)
def test_it_reaches_the_goal_on_the_conditions_of_the_paper(condition: str, base: Model) -> None:
    rng = np.random.default_rng(10**7)
    found = []
    for _ in range(12):
        image, line = synthetic_image(condition, rng)  # type: ignore[arg-type]
        volume = Volume.from_array(image[None], name=condition)
        traced = run(trace(Tracing(volume, base, TraceSettings()), [seed_on(line, 8)]))[0]
        found.append(score(traced.points[:, 1:], line))
    assert np.mean([s.coverage for s in found]) >= 0.95
    assert np.nanmean([s.error for s in found]) <= 0.5


def test_a_seed_without_direction_is_followed_both_ways(
    plane: Volume, wave: Wave, base: Model
) -> None:
    y, x = wave[1][400]
    traced = run(trace(Tracing(plane, base, TraceSettings()), [Seed("a", (0.0, y, x))]))[0]
    assert score(traced.points[:, 1:], wave[1]).coverage > 0.97
    assert len(traced.uncertainty) == len(traced.points)
    assert ((traced.uncertainty >= 0) & (traced.uncertainty <= 1)).all()


@pytest.mark.parametrize("aside", [-2.5, 2.5])
def test_a_click_beside_the_middle_leaves_no_kink(
    plane: Volume, wave: Wave, base: Model, aside: float
) -> None:
    line = wave[1]
    ahead = (line[404] - line[396]) / np.linalg.norm(line[404] - line[396])
    y, x = line[400] + aside * ahead[::-1] * (1, -1)
    traced = run(trace(Tracing(plane, base, TraceSettings()), [Seed("a", (0.0, y, x))]))[0]
    points = resample(traced.points[:, 1:], 0.5)
    near = points[np.linalg.norm(points - line[400], axis=1) < 30]
    away = np.linalg.norm(near[:, None] - line[None], axis=-1).min(axis=1)
    assert len(near) > 100 and away.max() < 0.7 * abs(aside)
    assert score(traced.points[:, 1:], line).coverage > 0.97


def test_the_trace_grows_while_it_is_computed(plane: Volume, wave: Wave, base: Model) -> None:
    steps = list(trace(Tracing(plane, base, TraceSettings()), [seed_on(wave[1], 8)]))
    growing = [p.preview.growing for p in steps if p.preview]
    lengths = [len(traces[0].points) for traces in growing if traces]
    assert len(lengths) > 3
    assert lengths == sorted(lengths)


def test_many_seeds_come_out_as_one_alone_does(plane: Volume, wave: Wave, base: Model) -> None:
    seeds = [seed_on(wave[1], i, path=str(i)) for i in (8, 200, 500)]
    together = run(trace(Tracing(plane, base, TraceSettings()), seeds))
    for seed, traced in zip(seeds, together, strict=True):
        alone = run(trace(Tracing(plane, base, TraceSettings()), [seed]))[0]
        assert traced.path == seed.path
        assert score(traced.points[:, 1:], alone.points[:, 1:], near=0.5).coverage > 0.97


def test_gain_and_offset_change_nothing(wave: Wave, base: Model) -> None:
    image, line = wave
    other = Volume.from_array((image.astype(np.uint16) * 37 + 900)[None], name="other")
    traced = run(trace(Tracing(other, base, TraceSettings()), [seed_on(line, 8)]))[0]
    assert score(traced.points[:, 1:], line).coverage > 0.97


def test_dark_fibres_are_followed_too(wave: Wave, base: Model) -> None:
    dark = Volume.from_array((255 - wave[0])[None], name="dark")
    traced = run(trace(Tracing(dark, base, TraceSettings(dark=True)), [seed_on(wave[1], 8)]))[0]
    assert score(traced.points[:, 1:], wave[1]).coverage > 0.97


def test_an_anisotropic_stack_is_traced_through_depth(base: Model) -> None:
    stack, line = rising_fibre()
    volume = Volume.from_array(stack, scale=(2.0, 1.0, 1.0), name="rising")
    seed = Seed("a", tuple(line[20]), tuple(line[60] - line[20]))
    traced = run(trace(Tracing(volume, base, TraceSettings()), [seed]))[0]
    size = np.array([2.0, 1.0, 1.0])
    found = score(traced.points * size, line[20:] * size)
    assert found.coverage > 0.95
    assert found.error < 1.0


def test_only_what_lies_ahead_is_read(
    wave: Wave, base: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, line = wave
    whole = Volume.from_array(image[None], name="whole")
    known = run(trace(Tracing(whole, base, TraceSettings(width=1.0)), [seed_on(line, 8)]))[0]
    monkeypatch.setattr(pixels, "IN_MEMORY", 0)
    lazy = Volume.from_array(da.from_array(image[None], chunks=(1, 40, 40)), name="lazy")
    traced = run(trace(Tracing(lazy, base, TraceSettings(width=1.0)), [seed_on(line, 8)]))[0]
    # Coordinates are rounded within the crop that is read, so that the last bits differ.
    np.testing.assert_allclose(traced.points, known.points, atol=0.05)


def test_two_ends_are_joined_through_the_middle(plane: Volume, wave: Wave, base: Model) -> None:
    line = wave[1]
    tracing = Tracing(plane, base, TraceSettings())
    found = run(connect(tracing, [(0, *line[4]), (0, *line[-4])], "both"))
    assert found.points[0].tolist() == pytest.approx([0, *line[4]], abs=1e-4)
    assert found.points[-1].tolist() == pytest.approx([0, *line[-4]], abs=1e-4)
    result = score(found.points[:, 1:], line)
    assert result.coverage > 0.99
    assert result.error < 0.5


def test_a_place_is_not_joined_with_itself(plane: Volume, base: Model) -> None:
    place = (0.0, 40.0, 40.0)
    with pytest.raises(InputError, match="are the same; give two"):
        run(connect(Tracing(plane, base, TraceSettings()), [place, place], "dot"))


def test_a_way_can_be_led_by_places_on_it(plane: Volume, wave: Wave, base: Model) -> None:
    """Off the fibre and back: the shortest way would not come by."""
    line = wave[1]
    tracing = Tracing(plane, base, TraceSettings())
    beside = (0.0, float(line[400][0]) + 25, float(line[400][1]))
    steps = []
    job = connect(tracing, [(0, *line[4]), beside, (0, *line[-4])], "led")
    found = run(job, steps.append)
    away = np.linalg.norm(found.points - np.array(beside), axis=1)
    assert away.min() < 1e-3
    assert np.linalg.norm(np.diff(found.points, axis=0), axis=1).max() < 6
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert steps[-1].done > 0.8


def test_the_classical_path_is_a_second_opinion(plane: Volume, wave: Wave, base: Model) -> None:
    settings = TraceSettings(method="minimal-path")
    traced = run(trace(Tracing(plane, base, settings), [seed_on(wave[1], 8)]))[0]
    assert score(traced.points[:, 1:], wave[1]).coverage > 0.9


def rising_fibre() -> tuple[np.ndarray, np.ndarray]:
    """A stack with slices twice as thick as pixels are wide, and a fibre that climbs in it."""
    rng = np.random.default_rng(0)
    along = np.linspace(0, 1, 300)
    line = np.stack([6 + 20 * along, 40 + 12 * np.sin(5 * along), 8 + 140 * along], 1)
    zz, yy, xx = np.indices((34, 80, 160))
    stack = np.full(zz.shape, np.inf)
    for z, y, x in line[::2]:
        stack = np.minimum(stack, (2 * (zz - z)) ** 2 + (yy - y) ** 2 + (xx - x) ** 2)
    bright = 20 + 150 * np.exp(-stack / (2 * 1.6**2)) + rng.normal(0, 8, zz.shape)
    return np.clip(bright, 0, 255).astype(np.uint8), line


def test_a_huge_volume_is_read_about_the_click_alone(base: Model) -> None:
    """Opening, the scaling, the polarity and the first steps: under a hundredth of all voxels."""
    side, read = 2048, []

    class Endless:
        shape, dtype, ndim, chunks = (side,) * 3, np.dtype(np.uint8), 3, (64,) * 3

        def __getitem__(self, box: tuple[slice, ...]) -> np.ndarray:
            axes = [np.arange(n)[part] for n, part in zip(self.shape, box, strict=True)]
            grid = np.ix_(*map(np.atleast_1d, axes))
            read.append(np.prod([np.size(axis) for axis in axes]))
            away = (grid[0] - 1000.0) ** 2 + (grid[1] - 1000.0) ** 2 + 0 * grid[2]
            noise = (grid[0] * 7 + grid[1] * 13 + grid[2] * 29) % 11
            return (20 + noise + 150 * np.exp(-away / 5)).astype(np.uint8)

    volume = Volume.from_array(Endless(), name="endless")
    wanted = operations.Trace(
        image=ImageIn.of(volume),
        seeds=SeedsIn(None, [Seed("a", (1000.0, 1000.0, 1000.0))]),
        out=TracesOut(None),
        settings=TraceSettings(longest=60.0, width=1.0),
    )
    (found,) = run(wanted.perform()).result
    assert found.length((1, 1, 1)) > 90
    assert sum(read) < side**3 / 100
