"""Fixtures that all tests share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import settings

from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Iterator

# The same examples each time: what holds for one commit holds for the next, on any machine.
settings.register_profile("same", derandomize=True, deadline=None, database=None)
settings.load_profile("same")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With ``-m cuda`` read those tests alone: a machine with a GPU may lack what others import."""
    if config.option.markexpr != "cuda":
        return None
    files = collection_path.rglob("test_*.py") if collection_path.is_dir() else [collection_path]
    return not any("pytest.mark.cuda" in file.read_text("utf-8") for file in files) or None


@pytest.fixture
def shared() -> Path:
    """The folder of shared data beside the repository; the test is skipped without it."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("the shared data are not here")
    return folder


@pytest.fixture(autouse=True, scope="session")
def two_at_once() -> Iterator[None]:
    """Tiles are computed two at a time, as on two cores, though torch may have one thread here."""
    from napari_midl.engine import ready_model

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ready_model, "blocks_at_once", lambda device: 1 + (device.type == "cpu"))
        yield


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Torch computes with two threads or more, as it does for people: for what asks for bits."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(max(2, threads))
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def few_pixel_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pixel networks learn for a tenth of their steps: for tests that do not ask how well."""
    from napari_midl.engine.semantic import strokes
    from napari_midl.methods.vessels import learn_pixels

    for learner in (learn_pixels, strokes):
        monkeypatch.setattr(learner, "USUAL", 150)


@pytest.fixture
def few_learners(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more trees and parts of the strokes than make a mixture; as `few_pixel_steps`."""
    from napari_midl.engine.pixels import experts, mixture

    monkeypatch.setattr(experts, "TREES", 4)
    monkeypatch.setattr(mixture, "FOLDS", 2)


@pytest.fixture
def tubes() -> tuple[np.ndarray, np.ndarray]:
    """A small stack (uint8, Z Y X) with two bright tubes, and the mask of them."""
    z, y, x = np.indices((12, 64, 72))
    mask = ((z - 6) ** 2 + (y - 20) ** 2 < 16) | ((z - 5) ** 2 + (x - 50) ** 2 < 9)
    noise = np.random.default_rng(0).normal(60, 12, mask.shape)
    return np.clip(noise + 110 * mask, 0, 255).astype(np.uint8), mask


@pytest.fixture
def volume(tubes: tuple[np.ndarray, np.ndarray]) -> Volume:
    """The stack of tubes, with voxels of 2 x 1 x 1 micrometres."""
    return Volume.from_array(
        tubes[0], scale=(2.0, 1.0, 1.0), units=("micrometer",) * 3, name="tubes"
    )
