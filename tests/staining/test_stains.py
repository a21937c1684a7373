from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_midl.errors import InputError
from napari_midl.methods.staining.stains import (
    RUIFROK,
    BeerLambert,
    LinearStain,
    Stains,
    densities_of,
    stains_of,
)


def test_the_linear_stain_is_gareaus():
    channels = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [1.0, 1.0]])
    colours = LinearStain()(channels.reshape(5, 2, 1, 1))[..., 0, 0]
    expected = [
        [1, 1, 1],
        [0.30, 0.20, 1.00],
        [1.00, 0.55, 0.88],
        [0.65, 0.375, 0.94],
        [0.30, 0.0, 0.88],
    ]
    torch.testing.assert_close(colours, torch.tensor(expected))


def test_beer_lambert_by_hand():
    stains = Stains(vectors=((1.0, 0.0, 0.0), (0.0, 0.6, 0.8)), full=(2.0, 1.0))
    colour = BeerLambert(stains)(torch.tensor([0.5, 1.0]).reshape(1, 2, 1, 1))[0, :, 0, 0]
    torch.testing.assert_close(colour, torch.exp(-torch.tensor([1.0, 0.6, 0.8])))


def test_the_vectors_of_a_slide_are_found(slide):
    stains = stains_of(slide)
    true = np.array([[0.65, 0.70, 0.29], [0.10, 0.95, 0.30]])
    true /= np.linalg.norm(true, axis=1, keepdims=True)
    assert np.all((np.array(stains.vectors) * true).sum(1) > 0.995)
    assert stains.full[0] == pytest.approx(1.2, abs=0.1)
    assert stains.full[1] == pytest.approx(2 * 0.55, abs=0.1)


def test_a_pale_slide_gives_the_same_vectors_and_less_stain(slide):
    pale = np.rint(255 * (slide / 255.0) ** 0.3).astype(np.uint8)
    strong, weak = stains_of(slide), stains_of(pale)
    assert np.all((np.array(strong.vectors) * np.array(weak.vectors)).sum(1) > 0.98)
    assert weak.full[0] == pytest.approx(0.3 * strong.full[0], rel=0.15)


def test_a_slide_of_one_stain_keeps_the_usual_other(slide):
    pink = slide.copy()
    pink[20:40, 20:60] = pink[50:70, 20:60]
    hematoxylin, eosin = stains_of(pink).vectors
    assert hematoxylin == pytest.approx(RUIFROK[0], abs=1e-3)
    assert np.dot(eosin, np.array([0.10, 0.95, 0.30]) / 1.0012) > 0.99


def test_glass_is_refused():
    with pytest.raises(InputError, match=r"empty\.png shows no stained tissue"):
        stains_of(np.full((40, 40, 3), 240, np.uint8), "empty.png")
    with pytest.raises(InputError, match="no colour picture"):
        stains_of(np.zeros((40, 40), np.uint8))


def test_deconvolution_gives_the_densities_back():
    densities = np.random.default_rng(0).uniform(0, 1.2, (2, 30, 30)).astype(np.float32)
    densities[:, :6] = 0  # glass, for the white
    colours = np.exp(-np.einsum("syx,sc->yxc", densities, np.array(RUIFROK)))
    back = densities_of(np.rint(colours * 255).astype(np.uint8), np.array(RUIFROK))
    assert np.abs(back - densities).max() < 0.06
