from __future__ import annotations

import numpy as np
import pytest

from napari_midl.methods.staining import score
from napari_midl.methods.staining.synthetic import synthetic_mosaic


def test_psnr_by_hand():
    clean = np.zeros((8, 8))
    assert score.psnr(clean + 0.1, clean) == pytest.approx(20)


def test_colour_differences_of_known_pairs():
    white, pink = np.full((4, 4, 3), 255, np.uint8), np.full((4, 4, 3), 200, np.uint8)
    pink[..., 0] = 230
    assert score.ciede2000(pink, pink) == 0
    assert score.ciede2000(white, pink) > 15


def test_the_palette_counts_colours_and_not_where_they_are():
    rng = np.random.default_rng(0)
    picture = rng.integers(60, 200, (40, 40, 3)).astype(np.uint8)
    turned = picture[::-1, ::-1]
    assert score.palette_distance(picture, turned) == pytest.approx(0, abs=1e-9)
    brighter = (picture + 15).astype(np.uint8)
    assert 2 < score.palette_distance(picture, brighter) < 12


def test_hue_is_an_angle():
    red, blue = np.zeros((2, 4, 4, 3), np.uint8) + 60
    red[..., 0], blue[..., 2] = 200, 200
    assert score.hue_distance(red, red) == 0
    assert 60 < score.hue_distance(red, blue) <= 180


def test_nuclei_are_found_where_they_are():
    drawn = synthetic_mosaic((300, 320), np.random.default_rng(8))
    found = score.nuclei(drawn.fluorescence)
    shares = score.matched(found, drawn.centres)
    assert shares["invented"] < 0.05 and shares["lost"] < 0.15


def test_matching_uses_each_nucleus_once():
    true = np.array([[10, 10], [30, 30]])
    found = np.array([[10, 11], [11, 10], [60, 60]])
    shares = score.matched(found, true)
    assert shares["invented"] == pytest.approx(2 / 3) and shares["lost"] == pytest.approx(1 / 2)
    none = np.zeros((0, 2), int)
    assert score.matched(none, true) == {"invented": 0.0, "lost": 1.0}
