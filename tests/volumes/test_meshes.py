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
        ("a.vtk", b"", r"a\.vtk is no \.stl, \.ply or \.obj; save it as one"),
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


def test_clustering_keeps_the_first_vertex_of_each_cube() -> None:
    vertices = np.array([[0.1, 0, 0], [0.2, 0, 0], [1.5, 0, 0], [0, 1.5, 0], [0, 1.6, 0]])
    faces = np.array([[0, 1, 2], [0, 2, 3], [1, 2, 4], [3, 4, 0]], np.int32)
    kept, fewer = cluster_vertices(vertices, faces, 1.0)
    assert sorted(kept.tolist()) == [0, 2, 3]
    # The first triangle has two corners in one cube, and so has the last.
    assert [sorted(kept[face].tolist()) for face in fewer] == [[0, 2, 3], [0, 2, 3]]
