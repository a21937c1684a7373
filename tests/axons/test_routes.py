"""Minimal paths read and search only what they need, and can be closed."""

from __future__ import annotations

import numpy as np
import pytest

from napari_midl.engine.jobs import run
from napari_midl.errors import InputError
from napari_midl.methods.axons import routes
from napari_midl.methods.axons.pixels import Pixels
from napari_midl.methods.axons.score import score


class Recorded:
    """An image that remembers which part of it was read."""

    def __init__(self, image: np.ndarray) -> None:
        self.image, self.shape = image, image.shape
        self.boxes: list[tuple[slice, ...]] = []

    def __getitem__(self, box: tuple[slice, ...]) -> np.ndarray:
        self.boxes.append(box)
        return self.image[box]


@pytest.fixture(autouse=True)
def lazy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_midl.methods.axons.pixels.IN_MEMORY", 0)


def pixels_of(image: Recorded) -> Pixels:
    return Pixels(image, lambda block: block.astype(np.float32) / 255, (1.0, 1.0), (1.0,))


def detour() -> tuple[Recorded, np.ndarray]:
    """A fibre that leaves the straight way between its ends by more than the first box holds."""
    image = np.zeros((400, 600), np.uint8)
    along = np.linspace(0, 1, 1000)
    line = np.stack([100 + 44 * np.sin(np.pi * along), 200 + 200 * along], 1)
    for dy in (-1, 0, 1):
        image[np.rint(line[:, 0]).astype(int) + dy, np.rint(line[:, 1]).astype(int)] = 200
    return Recorded(image), line


def test_the_box_grows_until_it_holds_the_path() -> None:
    image, line = detour()
    path = run(routes.between(pixels_of(image), line[0], line[-1]))
    assert score(path, line).coverage == 1
    rows, columns = image.boxes[-1]
    assert len(image.boxes) > 1
    assert (rows.stop - rows.start) * (columns.stop - columns.start) < image.image.size


def test_a_large_image_is_crossed_by_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "WINDOW_VOXELS", 60**2)
    image = Recorded(np.zeros((200, 600), np.uint8))
    line = np.stack([100 + 20 * np.sin(np.arange(600) / 40), np.arange(600.0)], 1)
    for dy in (-1, 0, 1):
        image.image[np.rint(line[:, 0]).astype(int) + dy, np.arange(600)] = 200
    path = run(routes.ahead(pixels_of(image), line[5], line[20] - line[5], np.inf))
    assert score(path, line[5:]).coverage > 0.99
    assert all(r.stop - r.start <= 62 and c.stop - c.start <= 62 for r, c in image.boxes)
    short = run(routes.ahead(pixels_of(image), line[5], line[20] - line[5], 100))
    assert len(short) < 200


def test_too_far_apart_is_said_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "FEW_VOXELS", 1000)
    monkeypatch.setattr(routes, "MOST_VOXELS", 1000)
    image, line = detour()
    with pytest.raises(InputError, match="too far apart"):
        run(routes.between(pixels_of(image), line[0], line[-1]))
    assert not image.boxes


def test_what_is_large_is_searched_on_a_coarser_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "FEW_VOXELS", 20_000)
    monkeypatch.setattr(routes, "_BLOCKS", 5_000)
    monkeypatch.setattr(routes, "MOST_VOXELS", 20_000)
    image, line = detour()
    coarse = Recorded(image.image.reshape(200, 2, 300, 2).mean((1, 3)))
    scaled = lambda block: np.asarray(block, np.float32) / 255  # noqa: E731
    pixels = Pixels(image, scaled, (1.0, 1.0), (1.0,), [coarse])
    path = run(routes.between(pixels, line[0], line[-1]))
    assert coarse.boxes and score(path, line).coverage == 1
    assert max(np.prod([s.stop - s.start for s in box]) for box in image.boxes) < 20_000


def test_the_progress_is_real_and_no_search_is_long() -> None:
    image, line = detour()
    steps = list(routes.between(pixels_of(image), line[0], line[-1]))
    done = [step.done for step in steps]
    assert len({round(value, 2) for value in done}) > 4 and max(done) < 1
    assert done[-1] == max(done)
    # The box is looked at once or twice; after that only windows along the way are.
    fine = image.boxes[-3:]
    assert all((r.stop - r.start) * (c.stop - c.start) < 120**2 for r, c in fine)


def test_a_way_through_a_stack_is_found_on_blocks_and_drawn_finely() -> None:
    along = np.linspace(0, 1, 800)
    line = np.stack([8 + 24 * along, 60 + 30 * np.sin(4 * along), 12 + 200 * along], 1)
    stack = np.zeros((40, 120, 224), np.uint8)
    z, y, x = np.rint(line).astype(int).T
    for dy in (-1, 0, 1):
        stack[z, y + dy, x] = 200
    image = Recorded(stack)
    pixels = Pixels(image, lambda block: block.astype(np.float32) / 255, (1.0, 1.0, 1.0), (1.0,))
    path = run(routes.between(pixels, line[0], line[-1]))
    found = score(path, line)
    assert found.coverage == 1 and found.error < 1


def test_it_can_be_closed_while_it_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    wait = threading.Event()
    image, line = detour()
    pixels = pixels_of(image)
    monkeypatch.setattr(pixels, "block", lambda *_: wait.wait(30))
    job = routes.between(pixels, line[0], line[-1])
    next(job)
    job.close()
    assert not wait.is_set()
    wait.set()
