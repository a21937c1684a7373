"""Trainings that stop and go on, from arrays in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_midl.engine.checkpoints import Checkpoint
from napari_midl.engine.jobs import run
from napari_midl.methods.staining import adversarial
from napari_midl.methods.staining.learn import train_despeckler, train_stain
from napari_midl.methods.staining.settings import TrainDespecklerSettings, TrainSettings

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.methods.staining.synthetic import SyntheticMosaic


@pytest.mark.parametrize("generator", ["density", "compact"])
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


def test_a_stopped_despeckler_goes_on_to_the_same_weights(
    slide: np.ndarray, tmp_path: Path
) -> None:
    settings = TrainDespecklerSettings(crop=32, batch=1)

    def trained(exactly: int, checkpoint: Checkpoint | None = None) -> str:
        return run(train_despeckler({"a": slide}, settings, checkpoint, exactly=exactly)).sha256

    kept = Checkpoint(tmp_path / "c")
    trained(2, kept)
    assert trained(5, kept) == trained(5)
