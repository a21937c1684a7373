"""Images to learn from say truly what is in them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_midl.methods.axons import synthetic
from napari_midl.methods.axons.synthetic import LOOKS, synthetic_image, synthetic_scene


@pytest.mark.parametrize("condition", ["rich", "crowded"])
def test_the_fibre_to_follow_is_seen_and_what_is_empty_is_away_from_it(condition: str) -> None:
    rng = np.random.default_rng(4)
    for _ in range(40):
        scene = synthetic_scene(condition, rng)  # type: ignore[arg-type]
        last = len(scene.image) - 1
        inside = scene.line[((scene.line >= 0) & (scene.line <= last)).all(axis=1)]
        assert len(inside)
        y, x = np.rint(inside).astype(int).T
        assert not scene.empty[y, x].any()


def test_a_fibre_without_a_point_in_the_image_is_not_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cut, away = synthetic._shortened, [np.full((60, 2), -5.0)]
    monkeypatch.setattr(
        synthetic, "_shortened", lambda line, rng: away.pop() if away else cut(line, rng)
    )
    scene = synthetic_scene("rich", np.random.default_rng(0))
    assert (scene.line > 0).all(axis=1).any()


def test_a_fibre_that_a_rim_hides_but_where_it_lies_beyond_the_image_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beyond the image its border says what is seen; all that lies in the image may be hidden."""

    def left_of_it(rng: np.random.Generator, size: int) -> np.ndarray:
        return (np.arange(size) < 115.0) * np.ones((size, 1))

    monkeypatch.setattr(synthetic, "rim", left_of_it)
    monkeypatch.setattr(synthetic, "RIMS", 1.0)
    beyond = np.stack([np.full(200, -6.0), np.linspace(20, 119.5, 200)], 1)
    line = np.concatenate([beyond, np.stack([np.linspace(-6, 60, 130), np.full(130, 120.0)], 1)])
    monkeypatch.setattr(synthetic, "_centreline", lambda *_, **__: line)
    monkeypatch.setattr(synthetic, "_shortened", lambda line, rng: line)
    for seed in range(3):
        scene = synthetic_scene("rich", np.random.default_rng(seed))
        assert ((scene.line > 0) & (scene.line < 223)).all(axis=1).any()


@pytest.mark.parametrize("condition", LOOKS)
def test_images_of_the_paper_have_no_rims(condition: str) -> None:
    image, line = synthetic_image(condition, np.random.default_rng(1))  # type: ignore[arg-type]
    scene = synthetic_scene(condition, np.random.default_rng(1))  # type: ignore[arg-type]
    assert (scene.image == image).all() and (scene.line == line).all()
