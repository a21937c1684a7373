"""Meshes on the voxels of images that lie anywhere in the world, and back."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from napari_midl.errors import InputError
from napari_midl.volumes.grids import Filled, mask, outlined
from napari_midl.volumes.meshes import MM, Mesh
from napari_midl.volumes.space import Space

CENTRE = np.array([30.0, -12.0, 55.0])
TURNED = Rotation.from_euler("zyx", [25, -10, 40], degrees=True).as_matrix()
FLIPPED = TURNED * [-1, 1, 1]
PLAIN = Space((1.0, 1.0, 1.0), MM)


@pytest.fixture(scope="module")
def ball() -> Mesh:
    """A sphere of 10 mm radius."""
    made = trimesh.creation.icosphere(subdivisions=4, radius=10.0)
    return Mesh(np.asarray(made.vertices) + CENTRE, np.asarray(made.faces, np.int32))


def about_the_ball(shape: tuple[int, int, int], direction: np.ndarray, unit: str = MM) -> Space:
    """Voxels of 2 x 1 x 0.75 mm with the ball in the middle of the image."""
    ratio = 1000.0 if unit == "micrometer" else 1.0
    size = np.array((2.0, 1.0, 0.75)) * ratio
    free = Space.of(size, unit, (0, 0, 0), direction)
    middle = free.to_world((np.array(shape) - 1) / 2)
    return Space.of(size, unit, CENTRE * ratio - middle, direction)


@pytest.mark.parametrize("unit", [MM, "micrometer"])
@pytest.mark.parametrize("direction", [np.eye(3), TURNED, FLIPPED], ids=["plain", "turned", "flip"])
def test_a_mask_is_where_the_ball_is(ball: Mesh, direction: np.ndarray, unit: str) -> None:
    shape = (15, 24, 30)
    space = about_the_ball(shape, direction, unit)
    filled = mask(ball, shape, space)
    places = space.to_world(np.moveaxis(np.indices(shape), 0, -1), MM)
    apart = np.linalg.norm(places - CENTRE, axis=-1)
    assert filled.dtype == np.uint8
    # The triangles lie up to 0.03 mm inside the sphere.
    sure = np.abs(apart - 10) > 0.05
    np.testing.assert_array_equal(filled.astype(bool)[sure], (apart < 10)[sure])


@pytest.mark.parametrize("direction", [np.eye(3), TURNED, FLIPPED], ids=["plain", "turned", "flip"])
def test_the_outline_of_an_image_lies_in_the_world_and_faces_outward(
    ball: Mesh, direction: np.ndarray
) -> None:
    shape = (15, 24, 30)
    space = about_the_ball(shape, direction)
    places = space.to_world(np.moveaxis(np.indices(shape), 0, -1), MM)
    distance = np.linalg.norm(places - CENTRE, axis=-1)
    found = outlined(-distance.astype(np.float32), -10.0, space)
    assert found.closed
    assert found.volume == pytest.approx(ball.volume, rel=0.02)
    np.testing.assert_allclose(np.linalg.norm(found.vertices - CENTRE, axis=1), 10, atol=0.1)


def test_only_the_planes_that_are_looked_at_are_filled(
    ball: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = (15, 24, 30)
    filled = Filled(ball, shape, about_the_ball(shape, TURNED), inside=255)
    whole = np.asarray(filled)
    assert set(np.unique(whole)) == {0, 255}
    cut = trimesh.intersections.mesh_plane
    seen = []
    monkeypatch.setattr(
        trimesh.intersections, "mesh_plane", lambda *given: seen.append(1) or cut(*given)
    )
    np.testing.assert_array_equal(filled[7, 3:9], whole[7, 3:9])
    assert len(seen) == 1


def test_mask_of_a_box_on_the_grid_lines_has_no_streaks() -> None:
    made = trimesh.creation.box((4.0, 4.0, 4.0))
    box = Mesh(np.asarray(made.vertices) + 4.0, np.asarray(made.faces, np.int32))
    filled = mask(box, (9, 9, 9), PLAIN).astype(bool)
    # Voxels whose middle is on the surface may be on either side.
    assert filled[3:6, 3:6, 3:6].all()
    filled[2:7, 2:7, 2:7] = False
    assert not filled.any()


def test_mask_of_a_mesh_beside_the_grid_is_empty(ball: Mesh) -> None:
    assert not mask(ball, (4, 5, 6), PLAIN).any()


def test_a_mesh_reaching_beyond_the_grid_is_cut(ball: Mesh) -> None:
    space = Space((1.0, 1.0, 1.0), MM, tuple(CENTRE - (1, 1, 1)))
    assert mask(ball, (3, 5, 6), space).all()


def test_voxels_of_unknown_size_are_refused(ball: Mesh) -> None:
    with pytest.raises(InputError, match="voxel size is not known"):
        mask(ball, (4, 5, 6), Space())
