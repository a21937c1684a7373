"""What is read for agents one by one is what the whole image shows them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from napari_midl.methods.axons import pixels
from napari_midl.methods.axons.pixels import Pixels
from napari_midl.methods.axons.views import heading_frame, view_points

PITCHES = (1.0, 2.0, 8.0)


@pytest.mark.parametrize(
    ("shape", "spacing"), [((150, 210), (1.0, 1.0)), ((24, 90, 130), (3.0, 1.0, 1.0))]
)
def test_crops_show_what_the_whole_shows(
    shape: tuple[int, ...], spacing: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    image = rng.random(shape, dtype=np.float32)
    whole = Pixels(image, np.asarray, spacing, PITCHES)
    monkeypatch.setattr(pixels, "IN_MEMORY", 0)
    lazy = Pixels(image, np.asarray, spacing, PITCHES)
    size = torch.tensor(shape) * whole.spacing
    for _ in range(6):
        # Also beyond the border, where nothing is known.
        places = torch.from_numpy(rng.uniform(-0.1, 1.1, (5, len(shape)))).float() * size
        ways = torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=places.shape)), dim=1)
        points = view_points(places[:, None], heading_frame(ways.float()), PITCHES)
        seen, expected = lazy.views(points), whole.views(points)
        torch.testing.assert_close(seen, expected, atol=1e-4, rtol=0, equal_nan=True)


def test_a_crop_serves_many_steps_and_never_grows_with_the_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pixels, "IN_MEMORY", 0)
    read = []

    class Endless:
        shape = (10**6, 10**6)

        def __getitem__(self, box: tuple[slice, ...]) -> np.ndarray:
            read.append([s.stop - s.start for s in box])
            return np.zeros(read[-1], np.float32)

    seen = Pixels(Endless(), np.asarray, (1.0, 1.0), PITCHES)
    frame = heading_frame(torch.tensor([[0.6, 0.8]]))
    for step in range(40):
        place = torch.tensor([[5000.0, 7000.0]]) + 3 * step * torch.tensor([0.6, 0.8])
        seen.views(view_points(place[:, None], frame, PITCHES))
    assert len(read) < 12
    assert max(map(max, read)) < 300


def test_of_a_small_stack_only_what_lies_about_the_agents_is_read_and_only_once() -> None:
    read = []

    class Stack:
        shape, chunks = (40, 600, 600), (20, 50, 50)

        def __getitem__(self, box: tuple[slice, ...]) -> np.ndarray:
            read.append(tuple((s.start, s.stop) for s in box))
            return np.zeros([s.stop - s.start for s in box], np.float32)

    seen = Pixels(Stack(), np.asarray, (1.0, 1.0, 1.0), PITCHES)
    assert not read
    frame = heading_frame(torch.tensor([[0.0, 0.6, 0.8]]))
    for step in range(20):
        place = torch.tensor([[20.0, 300.0, 300.0]]) + 3 * step * torch.tensor([0.0, 0.6, 0.8])
        seen.views(view_points(place[:, None], frame, PITCHES))
    assert len(set(read)) == len(read)
    assert sum(np.prod([b - a for a, b in box]) for box in read) < 0.2 * np.prod(Stack.shape)


def test_planes_that_are_stored_in_one_piece_are_read_once() -> None:
    read = []

    class Planes:
        shape, chunks = (40, 300, 300), (1, 300, 300)

        def __getitem__(self, box: tuple[slice, ...]) -> np.ndarray:
            read.extend(range(box[0].start, box[0].stop))
            return np.zeros([s.stop - s.start for s in box], np.float32)

        def __array__(self, *how: Any, **more: Any) -> np.ndarray:
            return self[tuple(slice(0, n) for n in self.shape)]

    seen = Pixels(Planes(), np.asarray, (1.0, 1.0, 1.0), PITCHES)
    seen.block((0, 0, 0), (20, 30, 30))
    seen.block((0, 200, 200), (40, 230, 230))
    frame = heading_frame(torch.tensor([[0.0, 0.6, 0.8]]))
    for place in ((5.0, 20.0, 20.0), (5.0, 280.0, 280.0), (35.0, 150.0, 20.0)):
        seen.views(view_points(torch.tensor([place])[:, None], frame, PITCHES))
    assert read and len(set(read)) == len(read)
