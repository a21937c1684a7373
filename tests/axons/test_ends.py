"""Traces stop where fibres do, or are in doubt there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree
from skimage.feature import peak_local_max

from napari_midl.engine.jobs import run
from napari_midl.methods.axons.apply import Tracing, trace
from napari_midl.methods.axons.painting import profile
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.volumes.traces import Seed, Trace, resample
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from napari_midl.engine.models import Model

SIZE = 240
SURE, FEW = 0.3, 8.0


def fibre(*corners: tuple[float, float]) -> np.ndarray:
    return resample(np.array(corners, float), 0.5)


def image_of(*lines: np.ndarray, noise: float = 0.06) -> np.ndarray:
    rng = np.random.default_rng(1)
    drawn = profile(list(lines), [np.ones(len(line)) for line in lines], 1.5, SIZE)
    return 0.2 + 0.5 * drawn.clip(0, 1) + rng.normal(0, noise, (SIZE, SIZE))


def traced(image: np.ndarray, place: tuple[float, float], base: Model) -> tuple[Trace, Tracing]:
    volume = Volume.from_array(image[None].astype(np.float32), name="image")
    tracing = Tracing(volume, base, TraceSettings())
    return run(trace(tracing, [Seed("a", (0.0, *place))], skip=True))[0], tracing


def sure_px_off(found: Trace, line: np.ndarray) -> float:
    """Length that surely lies further than 3 px from a line."""
    if len(found.points) < 2:
        return 0.0
    away, _ = cKDTree(line).query(found.points[1:, 1:])
    strides = np.linalg.norm(np.diff(found.points, axis=0), axis=1)
    return float(strides[(away > 3) & (found.uncertainty[1:] < SURE)].sum())


def covered(found: Trace, line: np.ndarray) -> float:
    away, _ = cKDTree(resample(found.points[:, 1:], 0.5)).query(line)
    return float((away < 3).mean())


def test_a_trace_ends_where_the_fibre_does(base: Model) -> None:
    line = fibre((120, 70), (110, 120), (130, 170))
    found, _ = traced(image_of(line), (110.0, 120.0), base)
    assert covered(found, line) > 0.9
    assert sure_px_off(found, line) < FEW


@pytest.mark.parametrize("row", [12.0, 120.0, 228.0])
def test_a_trace_that_leaves_the_image_does_not_turn_along_its_edge(
    row: float, base: Model
) -> None:
    line = fibre((120, 0), (row, SIZE - 1))
    found, _ = traced(image_of(line), tuple(line[len(line) // 2]), base)
    assert covered(found, line) > 0.95
    assert sure_px_off(found, line) < FEW


def test_a_fibre_in_the_first_slice_of_a_stack_is_followed_along_it(base: Model) -> None:
    along = np.linspace(0, 1, 300)
    line = np.stack([0.8 + 0.8 * np.sin(9 * along), 30 + 8 * np.sin(5 * along), 6 + 150 * along], 1)
    away = cKDTree(line).query(np.moveaxis(np.indices((10, 60, 162)), 0, -1))[0]
    stack = 0.2 + 0.5 * np.exp(-((away / 2.0) ** 2))
    stack += np.random.default_rng(0).normal(0, 0.02, stack.shape)
    volume = Volume.from_array(stack.astype(np.float32), name="stack")
    tracing = Tracing(volume, base, TraceSettings())
    _, y, x = line[150].tolist()
    (found,) = run(trace(tracing, [Seed("a", (0.0, y, x))]))
    assert float((cKDTree(resample(found.points, 0.5)).query(line)[0] < 3).mean()) > 0.95
    assert found.points[:, 0].min() >= 0


@pytest.mark.parametrize("rim", [0.0, 0.9])
def test_a_trace_stops_at_a_rim(rim: float, base: Model) -> None:
    line = fibre((120, 40), (100, 200))
    image = image_of(fibre((120, 0), (120, 40), (100, 200), (100, 239)))
    seen = np.zeros(image.shape, bool)
    seen[40:200, 40:200] = True
    found, _ = traced(np.where(seen, image, rim), (110.0, 120.0), base)
    assert covered(found, line) > 0.9
    assert sure_px_off(found, line) < FEW


def test_a_trace_stops_at_the_rim_of_a_disc(base: Model) -> None:
    line = fibre((120, 40), (120, 200))
    yy, xx = np.mgrid[:SIZE, :SIZE]
    image = image_of(fibre((120, 0), (120, 239)))
    image = np.where(np.hypot(yy - 120, xx - 120) < 80, image, 0.0)
    found, _ = traced(image, (120.0, 120.0), base)
    assert covered(found, line) > 0.9
    assert sure_px_off(found, line) < FEW


def test_nothing_is_sure_where_nothing_is(base: Model) -> None:
    image = image_of()
    rng = np.random.default_rng(2)
    places = rng.uniform(10, SIZE - 11, (12, 2))
    nowhere = np.array([[-1e6, -1e6]])
    sure = [sure_px_off(traced(image, tuple(p), base)[0], nowhere) for p in places]
    assert np.mean(sure) < FEW


def test_a_crossing_is_gone_through_straight(base: Model) -> None:
    line = fibre((40, 10), (200, 230))
    other = fibre((200, 10), (40, 230))
    found, _ = traced(image_of(line, other), (76.4, 60.0), base)
    assert covered(found, line) > 0.95
    assert sure_px_off(found, line) < FEW


def test_no_trace_ends_in_doubt(base: Model) -> None:
    line = fibre((120, 70), (110, 120), (130, 170))
    found, tracing = traced(image_of(line), (110.0, 120.0), base)
    assert found.uncertainty[[0, -1]].max() <= tracing.settings.give_up


def test_a_faint_fibre_is_followed_whatever_else_is_far_brighter(base: Model) -> None:
    """What fills the range of the image is not what the fibre has to stand out from."""
    line = fibre((120, 20), (100, 120), (130, 220))
    image = 0.2 + 0.02 * (image_of(line) - 0.2)
    image[150:] = 1.0
    found, _ = traced(image, (100.0, 120.0), base)
    assert covered(found, line) > 0.95
    assert sure_px_off(found, line) < FEW


def test_the_brightest_spots_of_noise_are_no_fibres(base: Model) -> None:
    image = image_of()
    spots = peak_local_max(gaussian_filter(image, 1.5), min_distance=5, num_peaks=12)
    found = [traced(image, tuple(spot), base)[0] for spot in spots.tolist()]
    assert sum(len(one.points) > 0 for one in found) < 6
    assert all((one.uncertainty >= SURE).all() for one in found)


def test_a_seed_that_was_given_a_direction_in_noise_is_doubtful_all_along(base: Model) -> None:
    volume = Volume.from_array(image_of()[None].astype(np.float32), name="image")
    rng = np.random.default_rng(3)
    places, ways = rng.uniform(20, SIZE - 20, (6, 2)), rng.normal(size=(6, 2))
    for (y, x), (dy, dx) in zip(places.tolist(), ways.tolist(), strict=True):
        seed = Seed("a", (0.0, y, x), (0.0, dy, dx))
        (found,) = run(Tracing(volume, base, TraceSettings()).follow([seed]))
        assert (found.uncertainty >= SURE).all()


def test_a_fibre_that_is_seen_is_not_called_doubtful(base: Model) -> None:
    line = fibre((120, 0), (100, SIZE - 1))
    found, _ = traced(image_of(line), tuple(line[len(line) // 2]), base)
    assert np.median(found.uncertainty) < 0.05
