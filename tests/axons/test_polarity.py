"""Whether fibres are bright or dark is found out, also where an image is nearly empty."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_midl.methods.axons.polarity import are_dark, fibres_are_dark, fibres_in_box_are_dark
from napari_midl.volumes.volume import Volume


def sparse_neuron() -> np.ndarray:
    """A stack of zeros with a few fibres in it, as after deconvolution or masking."""
    stack = np.zeros((40, 200, 200), np.float32)
    along = np.linspace(0, 39, 400)
    for y, x in ((60, 70), (65, 130), (128, 60), (140, 138)):
        rows, columns = np.rint(y + 8 * np.sin(along / 9)), np.rint(x + along / 4)
        stack[along.astype(int), rows.astype(int), columns.astype(int)] = 1
    stack = ndimage.gaussian_filter(stack, 1.2)
    stack[stack < 0.02 * stack.max()] = 0
    return (255 * stack / stack.max()).astype(np.uint8)


@pytest.mark.parametrize("noise", [0.0, 8.0])
def test_fibres_on_empty_ground_are_told_from_what_lies_beside_them(noise: float) -> None:
    stack = sparse_neuron() + noise * np.random.default_rng(0).random((40, 200, 200))
    assert not are_dark(Volume.from_array(stack.astype(np.float32), name="bright"), "auto")
    assert are_dark(Volume.from_array(255 - stack.astype(np.float32), name="dark"), "auto")
    assert are_dark(Volume.from_array(stack.astype(np.float32), name="said"), "dark")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1.0, 3.0])
def test_a_click_beside_a_fibre_tells_the_fibre_from_the_ground(dark: bool, width: float) -> None:
    """Ground beside a bright fibre bends as a dark one does."""
    rows, columns = np.indices((200, 300))
    line = 100 + 10 * np.sin(np.arange(300) / 35)
    fibre = 60 * np.exp(-((rows - line[columns]) ** 2) / (2 * width**2))
    image = 120 + (-fibre if dark else fibre) + np.random.default_rng(0).normal(0, 4, rows.shape)
    volume = Volume.from_array(image[None].astype(np.float32), name="fibre")
    for away in (-25, -20, -15, -12, -10, -8, -4, 0, 4, 8, 10, 12, 15, 20, 25):
        assert fibres_are_dark(volume, [(0.0, line[150] + away, 150.0)]) == dark, away


def test_one_misleading_place_in_the_middle_slice_of_a_sparse_stack_is_outvoted() -> None:
    stack = sparse_neuron()
    # A cell body with a dark slit is all that the middle slice shows.
    stack[16:24] = 0
    stack[18:22, 40:72, 40:72] = 200
    stack[18:22, 40:72, 54:58] = 0
    box = (slice(0, 40), slice(0, 200), slice(0, 200))
    bright, dark = (Volume.from_array(each, name="stack") for each in (stack, 255 - stack))
    assert not fibres_in_box_are_dark(bright, box)
    assert fibres_in_box_are_dark(dark, box)


@pytest.mark.parametrize("empty", [0, 255, 120, np.nan])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("shown", ["side", "corner", "disc"])
def test_padding_does_not_vote(shown: str, dark: bool, empty: float) -> None:
    y, x = np.indices((512, 512))
    seen = {
        "side": x < 120,
        "corner": (x < 300) & (y < 300),
        "disc": np.hypot(x - 256, y - 256) < 200,
    }[shown]
    rng = np.random.default_rng(0)
    image = rng.normal(60, 8, (512, 512))
    for angle, at in zip(rng.uniform(0, np.pi, 30), rng.uniform(0, 512, (30, 2)), strict=True):
        away = (y - at[0]) * np.cos(angle) - (x - at[1]) * np.sin(angle)
        image += 60 * np.exp(-(away**2) / 6)
    image = image.clip(0, 250)
    padded = np.where(seen, 255 - image if dark else image, empty).astype(np.float32)
    volume = Volume.from_array(padded[None], name=f"{shown} {empty}")
    assert are_dark(volume, "auto") == dark
