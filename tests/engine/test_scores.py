from __future__ import annotations

import numpy as np

from napari_midl.engine.annotation import Classes, PaintedVolume
from napari_midl.engine.scores import ClassScore, at_blocks, class_scores, most_probable
from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.scaling import Scaling

TWO = Classes("background", "vessel")
THREE = Classes("background", "a", "b", sets={"a or b": ("a", "b")})


def test_of_equals_the_later_class_is_called():
    probability = np.array([[0.5, 0.6, 0.2], [0.5, 0.2, 0.4], [0.0, 0.2, 0.4]])
    assert most_probable(probability).tolist() == [1, 0, 2]
    assert most_probable(probability.T, axis=1).tolist() == [1, 0, 2]


def test_each_class_is_scored_where_its_label_tells():
    labels = np.array([1, 1, 2, 2, 2, 255, 255, 0])
    called = np.array([0, 1, 1, 1, 2, 0, 1, 2])
    scores = class_scores(called, labels, THREE)
    # The sixth is surely no background: a mistake. The seventh may be a or b: it says nothing of a.
    assert scores == {
        "background": ClassScore(2 * 1 / (2 + 2), 1 / 2, 1 / 2, 2),
        "a": ClassScore(2 * 2 / (3 + 3), 2 / 3, 2 / 3, 3),
    }


def test_a_class_that_is_never_called_scores_nought():
    scores = class_scores(np.zeros(4, int), np.array([1, 1, 2, 2]), TWO)
    assert scores["vessel"] == ClassScore(0.0, 0.0, 0.0, 2)
    assert scores["background"] == ClassScore(2 * 2 / (4 + 2), 0.5, 1.0, 2)


def painted(held_out: float) -> PaintedVolume:
    """Four blocks of 32 x 32, the left half of each background and the right half vessel."""
    labels = np.tile(np.repeat(np.array([1, 2], np.uint8), 16), (64, 2))
    image = (labels == 2).astype(np.float32)
    return PaintedVolume(image, Scaling(0.0, 1.0), [Patch((0, 0), labels)], TWO, held_out)


def scores_at(probability, volume, blocks):
    found, labels = at_blocks(probability, volume, blocks)
    return class_scores(most_probable(found, axis=1), labels, TWO)


def test_scores_are_of_all_held_out_voxels_together():
    volume = painted(0.5)
    assert len(volume.held_out) == 2

    def perfect(image):
        return np.stack([1 - image, image], axis=1)

    def blind(image):
        return np.stack([np.ones_like(image), np.zeros_like(image)], axis=1)

    exact = scores_at(perfect, volume, volume.held_out)
    assert exact == {name: ClassScore(1.0, 1.0, 1.0, 1024) for name in ("background", "vessel")}
    assert scores_at(blind, volume, volume.held_out) == {
        "background": ClassScore(2 / 3, 0.5, 1.0, 1024),
        "vessel": ClassScore(0.0, 0.0, 0.0, 1024),
    }


def test_no_blocks_have_no_score():
    assert scores_at(lambda image: np.stack([image, image], 1), painted(0.0), []) == {}
