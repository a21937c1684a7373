"""Meshes keep their volume in every format, face outward, and fill a grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import meshio
import numpy as np
import pytest
import trimesh

from napari_midl.errors import InputError
from napari_midl.volumes.meshes import (
    ENDINGS,
    Mesh,
    cluster_vertices,
    mask,
    read_mesh,
    write_mesh,
)

if TYPE_CHECKING:
    from pathlib import Path

CENTRE = np.array([30.0, -12.0, 55.0])


@pytest.fixture(scope="module")
def ball() -> Mesh:
    """A sphere of 10 mm radius."""
    made = trimesh.creation.icosphere(subdivisions=4, radius=10.0)
    return Mesh(np.asarray(made.vertices) + CENTRE, np.asarray(made.faces, np.int32))


def test_volume_is_that_of_a_sphere(ball: Mesh) -> None:
    assert ball.volume == pytest.approx(4 / 3 * np.pi * 1000, rel=0.01)
    assert ball.closed


@pytest.mark.parametrize("coloured", [False, True])
@pytest.mark.parametrize("ending", ENDINGS)
def test_other_programs_read_the_same_volume(
    tmp_path: Path, ball: Mesh, ending: str, coloured: bool
) -> None:
    path = tmp_path / f"ball{ending}"
    colours = np.full((len(ball.vertices), 4), (200, 10, 20, 255), np.uint8) if coloured else None
    write_mesh(path, ball, "napari-midl anatomy; mm", colours)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    back = read_mesh(path, closed=True)
    assert len(back.vertices) == len(ball.vertices)
    assert back.volume == pytest.approx(ball.volume, rel=1e-3)
    other = meshio.read(path)
    triangles = np.concatenate([b.data for b in other.cells if b.type == "triangle"])
    # meshio keeps the colours of OBJ beside the coordinates.
    seen = Mesh(np.asarray(other.points[:, :3], float), np.asarray(triangles, np.int32))
    assert seen.volume == pytest.approx(ball.volume, rel=1e-3)
    loaded = trimesh.load_mesh(path)
    assert loaded.is_watertight and loaded.is_winding_consistent
    assert loaded.volume == pytest.approx(ball.volume, rel=1e-3)
    if coloured and ending != ".stl":
        assert loaded.visual.vertex_colors[0].tolist() == [200, 10, 20, 255]


@pytest.mark.parametrize(
    ("ending", "start"),
    [(".stl", b"made by me"), (".ply", b"ply\n"), (".obj", b"# made by me")],
)
def test_provenance_is_in_the_header(tmp_path: Path, ball: Mesh, ending: str, start: bytes) -> None:
    path = tmp_path / f"ball{ending}"
    write_mesh(path, ball, "made by me\nin mm")
    head = path.read_bytes()[:120]
    assert head.startswith(start)
    assert b"made by me in mm" in head


def test_an_inverted_mesh_is_turned_outward(tmp_path: Path, ball: Mesh) -> None:
    path = tmp_path / "inside-out.ply"
    write_mesh(path, Mesh(ball.vertices, ball.faces[:, ::-1]), "")
    assert read_mesh(path).volume == pytest.approx(ball.volume, rel=1e-3)


def test_a_mesh_with_a_hole_is_refused_only_where_it_must_be_closed(
    tmp_path: Path, ball: Mesh
) -> None:
    path = tmp_path / "hole.ply"
    write_mesh(path, Mesh(ball.vertices, ball.faces[3:]), "")
    assert not read_mesh(path).closed
    with pytest.raises(InputError, match=r"hole\.ply is not closed"):
        read_mesh(path, closed=True)


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("a.ply", b"not a mesh", "no mesh that can be read"),
        ("a.stl", b"", "no mesh that can be read|no triangle"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\n", "no mesh that can be read|no triangle"),
        ("a.vtk", b"", r"should end in \.stl"),
    ],
)
def test_a_bad_mesh_is_refused(tmp_path: Path, name: str, content: bytes, fault: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=fault):
        read_mesh(path)


def test_a_missing_mesh_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_mesh(tmp_path / "none.ply")


def test_mask_is_where_the_ball_is(ball: Mesh) -> None:
    shape, size, origin = (15, 24, 30), (2.0, 1.0, 0.75), CENTRE - (11, 11, 13)
    filled = mask(ball, shape, size, origin)
    z, y, x = np.indices(shape) * np.reshape(size, (3, 1, 1, 1))
    apart = np.linalg.norm(np.stack([x, y, z], -1) + origin - CENTRE, axis=-1)
    assert filled.dtype == np.uint8
    # The triangles lie up to 0.03 mm inside the sphere.
    sure = np.abs(apart - 10) > 0.05
    np.testing.assert_array_equal(filled.astype(bool)[sure], (apart < 10)[sure])


def test_mask_of_a_box_on_the_grid_lines_has_no_streaks() -> None:
    made = trimesh.creation.box((4.0, 4.0, 4.0))
    box = Mesh(np.asarray(made.vertices) + 4.0, np.asarray(made.faces, np.int32))
    filled = mask(box, (9, 9, 9), (1.0, 1.0, 1.0)).astype(bool)
    # Voxels whose middle is on the surface may be on either side.
    assert filled[3:6, 3:6, 3:6].all()
    filled[2:7, 2:7, 2:7] = False
    assert not filled.any()


def test_mask_of_a_mesh_beside_the_grid_is_empty(ball: Mesh) -> None:
    assert not mask(ball, (4, 5, 6), (1.0, 1.0, 1.0)).any()


def test_a_mesh_reaching_beyond_the_grid_is_cut(ball: Mesh) -> None:
    filled = mask(ball, (3, 5, 6), (1.0, 1.0, 1.0), CENTRE - (1, 1, 1))
    assert filled.all()


def test_clustering_keeps_the_first_vertex_of_each_cube() -> None:
    vertices = np.array([[0.1, 0, 0], [0.2, 0, 0], [1.5, 0, 0], [0, 1.5, 0], [0, 1.6, 0]])
    faces = np.array([[0, 1, 2], [0, 2, 3], [1, 2, 4], [3, 4, 0]], np.int32)
    kept, fewer = cluster_vertices(vertices, faces, 1.0)
    assert sorted(kept.tolist()) == [0, 2, 3]
    # The first triangle has two corners in one cube, and so has the last.
    assert [sorted(kept[face].tolist()) for face in fewer] == [[0, 2, 3], [0, 2, 3]]
