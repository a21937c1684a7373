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
    monkeypatch.setattr(routes, "MOST_VOXELS", 1000)
    image, line = detour()
    with pytest.raises(InputError, match="too far apart"):
        run(routes.between(pixels_of(image), line[0], line[-1]))
    assert not image.boxes


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
