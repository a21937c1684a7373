"""Meshes for a window, from the shipped mandible."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_midl.errors import InputError
from napari_midl.methods.anatomy.live import LiveGenerator, MeshRequest
from napari_midl.methods.anatomy.outline import Outline
from napari_midl.methods.anatomy.synthetic import synthetic_scan
from napari_midl.methods.anatomy.template import load_template, template_of
from napari_midl.volumes.landmarks import Landmarks
from napari_midl.volumes.volume import Volume


@pytest.fixture(scope="module")
def generator() -> LiveGenerator:
    return LiveGenerator()


@pytest.fixture(scope="module")
def marks() -> Landmarks:
    return synthetic_scan()[1]


def test_a_mesh_is_shown_in_voxels_with_its_uncertainty(
    generator: LiveGenerator, marks: Landmarks
) -> None:
    scan = Volume.from_array(np.zeros((100, 400, 800), np.uint8), "ZYX", (2.0, 0.5, 0.25), "mm")
    shown = generator.generate(MeshRequest(marks, scan=scan))
    mesh = shown.generated.mesh
    np.testing.assert_allclose(
        shown.vertices, mesh.vertices[:, ::-1] / (2.0, 0.5, 0.25), rtol=1e-5, atol=1e-3
    )
    np.testing.assert_allclose(shown.values, shown.generated.uncertainty, rtol=1e-6)
    assert shown.faces is mesh.faces
    assert shown.volume == pytest.approx(mesh.volume)


def test_a_coarse_mesh_keeps_vertices_of_the_fine_one(
    generator: LiveGenerator, marks: Landmarks
) -> None:
    fine = generator.generate(MeshRequest(marks))
    coarse = generator.generate(MeshRequest(marks, coarse=True))
    assert len(coarse.vertices) < len(fine.vertices) / 8
    assert coarse.faces.max() == len(coarse.vertices) - 1
    assert len(coarse.values) == len(coarse.vertices)
    assert coarse.volume == pytest.approx(fine.volume)
    fine_rows = {tuple(row) for row in fine.vertices.tolist()}
    assert all(tuple(row) in fine_rows for row in coarse.vertices[:200].tolist())


def test_the_distance_to_an_outline_takes_the_place_of_the_uncertainty(
    generator: LiveGenerator, marks: Landmarks
) -> None:
    shown = generator.generate(MeshRequest(marks))
    mesh = shown.generated.mesh
    moved = replace(mesh, vertices=np.add(mesh.vertices, (0, 0, 500)))
    far = generator.generate(MeshRequest(marks, target=Outline(moved, "far")))
    lowest = mesh.vertices[:, 2].min() + 500
    assert (far.values >= lowest - mesh.vertices[:, 2] - 1e-3).all()
    same = generator.generate(MeshRequest(marks, target=Outline(mesh, "same")))
    np.testing.assert_allclose(same.values, 0, atol=1e-4)


def test_too_few_landmarks_are_a_sentence(generator: LiveGenerator, marks: Landmarks) -> None:
    three = Landmarks.missing(marks.names).moved(
        dict(zip(marks.names[:3], marks.points[:3], strict=True))
    )
    with pytest.raises(InputError, match="3 landmarks are placed; place 4 or more"):
        generator.generate(MeshRequest(three))


def test_the_template_of_a_model_is_that_of_its_card() -> None:
    from napari_midl.engine.models import shipped_weights

    assert template_of("base") == load_template("mandible")
    assert template_of(shipped_weights("anatomy-base")).names == load_template("mandible").names
    with pytest.raises(InputError, match="names no landmarks"):
        template_of(shipped_weights("vessels-base"))
