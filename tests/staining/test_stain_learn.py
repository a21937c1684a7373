"""Trainings that stop and go on, from arrays in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_midl.engine.checkpoints import Checkpoint
from napari_midl.engine.jobs import run
from napari_midl.methods.staining import adversarial
from napari_midl.methods.staining.crops import evened, speckled_batch
from napari_midl.methods.staining.learn import train_despeckler, train_stain
from napari_midl.methods.staining.pictures import inverted_luma
from napari_midl.methods.staining.settings import TrainDespecklerSettings, TrainSettings

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.methods.staining.synthetic import SyntheticMosaic


@pytest.mark.parametrize("generator", ["density", "compact"])
@pytest.mark.usefixtures("two_threads")
def test_a_stopped_stain_goes_on_to_the_same_weights(
    drawn: SyntheticMosaic,
    slide: np.ndarray,
    tmp_path: Path,
    generator: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beyond two steps the pool gives older images back: it has to be remembered too."""
    monkeypatch.setattr(adversarial, "POOL", 2)
    settings = TrainSettings(generator=generator, crop=32)
    mosaics = {"a": np.stack([drawn.fluorescence, drawn.reflectance]).astype(np.float32)}

    def trained(exactly: int, checkpoint: Checkpoint | None = None) -> str:
        return run(train_stain(mosaics, {"a": slide}, settings, checkpoint, exactly=exactly)).sha256

    kept = Checkpoint(tmp_path / "c")
    trained(4, kept)
    assert trained(8, kept) == trained(8)


@pytest.mark.usefixtures("two_threads")
def test_a_stopped_despeckler_goes_on_to_the_same_weights(
    slide: np.ndarray, tmp_path: Path
) -> None:
    settings = TrainDespecklerSettings(crop=32, batch=1)

    def trained(exactly: int, checkpoint: Checkpoint | None = None) -> str:
        return run(train_despeckler({"a": slide}, settings, checkpoint, exactly=exactly)).sha256

    kept = Checkpoint(tmp_path / "c")
    trained(2, kept)
    assert trained(5, kept) == trained(5)


def test_a_despeckler_goes_on_from_another(slide: np.ndarray) -> None:
    settings = TrainDespecklerSettings(crop=32, batch=1, preset="compact")
    first = run(train_despeckler({"a": slide}, settings, exactly=3))
    unet = replace(settings, preset="unet")
    second = run(train_despeckler({"a": slide}, unet, start=first, exactly=2))
    assert (second.card["steps"], second.card["architecture"]) == (5, "compact")
    assert second.sha256 != first.sha256


def test_a_bright_picture_counts_no_more_than_a_pale_one(slide: np.ndarray) -> None:
    settings = TrainDespecklerSettings(crop=32, batch=4)
    pale = evened(inverted_luma(slide)[None])
    bright = evened(3 * inverted_luma(slide)[None])
    batches = [speckled_batch([p], settings, np.random.default_rng(0)) for p in (pale, bright)]
    torch.testing.assert_close(*(clean for _, clean in batches))
    noisy, clean = batches[0]
    assert noisy.shape == clean.shape == (4, 1, 32, 32)
    assert clean.min() >= 0
