"""The paper's network, the compact one, and the loss."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from napari_midl.errors import InputError
from napari_midl.methods.anatomy.apply import voxel_surface
from napari_midl.methods.anatomy.network import (
    GRID,
    AnatomyGen,
    CoefficientNetwork,
    Generator,
    build,
    dice_loss,
)
from napari_midl.methods.anatomy.shape_model import ShapeModel


def test_the_papers_generator_gives_a_cube_of_140_for_28_landmarks() -> None:
    network = AnatomyGen(28).eval()
    sizes = [layer.out_features for layer in network.dense]
    assert sizes[-1] == 64 * 84
    with torch.inference_mode():
        assert network(torch.zeros(1, 28, 3)).shape == (1, GRID, GRID, GRID)


def test_dice_loss_by_hand() -> None:
    logits = torch.tensor([[[[0.0, math.log(3)]]]])
    truth = torch.tensor([[[[0, 1]]]])
    # Probabilities 1/2 and 3/4: 1 - 2 * 0.75 / (1.25 + 1).
    assert dice_loss(logits, truth).item() == pytest.approx(1 - 1.5 / 2.25)


def test_compact_begins_as_the_linear_model() -> None:
    rng = np.random.default_rng(0)
    model = ShapeModel.fit(5 * rng.normal(size=(20, 6, 3)), 5 * rng.normal(size=(20, 40, 3)), 4)
    network = CoefficientNetwork(6, 4).eval()
    network.initialise_from(model)
    person = model.mean_landmarks + rng.normal(size=(6, 3))
    offsets = torch.from_numpy(person - model.mean_landmarks).float()[None]
    with torch.inference_mode():
        coefficients = network(offsets)[0].numpy()
    np.testing.assert_allclose(coefficients, model.given(person).mean, atol=1e-5)


def test_architecture_round_trip_and_what_names_none() -> None:
    generator = Generator("compact", 8, 3, 42, 80)
    assert build(generator.architecture).architecture == generator.architecture
    for text in ("compact", "compact 8 3 42 many", "huge 8 3 42 80"):
        with pytest.raises(InputError):
            build(text)


def test_a_voxel_ball_becomes_a_closed_mesh_at_its_place() -> None:
    z, y, x = np.indices((40, 40, 40)) - 19.5
    mesh = voxel_surface(10 - np.sqrt((x - 3) ** 2 + y**2 + z**2))
    assert mesh.closed
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 1000, rel=0.02)
    centre = mesh.vertices.mean(0) + (GRID - 1) / 2 - 19.5
    np.testing.assert_allclose(centre, [3, 0, 0], atol=0.05)
