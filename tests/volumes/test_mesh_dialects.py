"""Meshes as programs really write them: one surface, whatever the dialect."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
import trimesh

from napari_midl.errors import InputError
from napari_midl.volumes.meshes import read_mesh, write_mesh

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_BALL = trimesh.creation.icosphere(subdivisions=2, radius=10.0)
VERTICES = np.round(_BALL.vertices + np.array([30.0, -12.0, 55.0]), 4)
FACES = np.asarray(_BALL.faces)
VOLUME = trimesh.Trimesh(VERTICES, FACES).volume
LOW, HIGH = VERTICES.min(axis=0), VERTICES.max(axis=0)


def binary_stl(header: bytes, cut: int = 0, count: int | None = None) -> bytes:
    rows = np.zeros(len(FACES), [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("a", "<u2")])
    rows["corners"] = VERTICES[FACES]
    data = rows.tobytes()
    said = len(FACES) if count is None else count
    return header.ljust(80) + struct.pack("<I", said) + data[: len(data) - cut]


def text_stl(name: str = "x", end: str = "\n", parts: int = 1) -> bytes:
    text = ""
    for part in np.array_split(FACES, parts):
        text += f"solid {name}\n"
        for corners in VERTICES[part]:
            rows = "".join("  vertex {:.6e} {:.6e} {:.6e}\n".format(*c) for c in corners)
            text += f"facet normal 0 0 0\n outer loop\n{rows} endloop\nendfacet\n"
        text += f"endsolid {name}\n"
    return text.replace("\n", end).encode()


def ply(
    kind: str, comment: str = "made here", index: str = "vertex_indices", end: str = "\n"
) -> bytes:
    coloured = "property uchar red\nproperty uchar green\nproperty uchar blue\n"
    head = (
        f"ply\nformat {kind} 1.0\ncomment {comment}\nelement vertex {len(VERTICES)}\n"
        f"property double x\nproperty double y\nproperty double z\n{coloured}"
        f"element face {len(FACES)}\nproperty list uchar int {index}\nend_header\n"
    ).replace("\n", end)
    if kind == "ascii":
        rows = [" ".join(map(str, [*v, 1, 2, 3])) for v in VERTICES.tolist()]
        rows += [" ".join(map(str, [3, *f])) for f in FACES.tolist()]
        return (head + end.join([*rows, ""])).encode()
    order = "<" if "little" in kind else ">"
    points = np.zeros(len(VERTICES), [("p", f"{order}f8", 3), ("c", "u1", 3)])
    points["p"] = VERTICES
    corners = np.zeros(len(FACES), [("n", "u1"), ("i", f"{order}i4", 3)])
    corners["n"], corners["i"] = 3, FACES
    return head.encode() + points.tobytes() + corners.tobytes()


def obj(
    face: Callable[[list[int]], str] = lambda f: "f {} {} {}".format(*(i + 1 for i in f)),
    colour: str = "",
    head: str = "# made here",
    end: str = "\n",
) -> bytes:
    lines = [
        head,
        "mtllib none.mtl",
        *("v {:.6f} {:.6f} {:.6f}".format(*v) + colour for v in VERTICES),
    ]
    half = len(FACES) // 2
    for name, part in (("left", FACES[:half]), ("right", FACES[half:])):
        lines += [f"o {name}", f"g {name}", f"usemtl {name}", *(face(f) for f in part.tolist())]
    return end.join([*lines, ""]).encode()


NORMALS = "vn 0 0 1\nvt 0 0"
DIALECTS = {
    "solid.stl": binary_stl(b"solid exported"),
    "facet.stl": binary_stl(b"solid facet normal vertex endsolid"),
    "text.stl": text_stl(),
    "crlf.stl": text_stl(end="\r\n"),
    "upper.stl": text_stl().upper(),
    "two.stl": text_stl(parts=2),
    "nameless.stl": text_stl(""),
    "little.ply": ply("binary_little_endian"),
    "big.ply": ply("binary_big_endian"),
    "index.ply": ply("binary_little_endian", index="vertex_index"),
    "text.ply": ply("ascii"),
    "crlf.ply": ply("ascii", end="\r\n"),
    "groups.obj": obj(),
    "crlf.obj": obj(end="\r\n"),
    "colours.obj": obj(colour=" 0.8 0.7 0.6"),
    "negative.obj": obj(lambda f: "f {} {} {}".format(*(i - len(VERTICES) for i in f))),
    "normals.obj": obj(lambda f: "f {}//1 {}//1 {}//1".format(*(i + 1 for i in f)), head=NORMALS),
    "texture.obj": obj(
        lambda f: "f {}/1/1 {}/1/1 {}/1/1".format(*(i + 1 for i in f)), head=NORMALS
    ),
}
SPACES = {
    "binary.stl": lambda said: binary_stl(said.encode()),
    "text.stl": lambda said: text_stl(said),
    "binary.ply": lambda said: ply("binary_little_endian", said),
    "text.ply": lambda said: ply("ascii", said),
    "text.obj": lambda said: obj(head=f"# {said}"),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_one_surface_in_every_dialect(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(DIALECTS[name])
    found = read_mesh(tmp_path / name, closed=True)
    assert found.volume == pytest.approx(VOLUME, rel=1e-5)
    np.testing.assert_allclose(found.vertices.min(axis=0), LOW, atol=1e-4)
    np.testing.assert_allclose(found.vertices.max(axis=0), HIGH, atol=1e-4)


@pytest.mark.parametrize("ending", [".obj", ".ply"])
def test_four_corners_make_two_triangles(tmp_path: Path, ending: str) -> None:
    corners = [(x, y, z) for x in (0, 2) for y in (0, 3) for z in (0, 4)]
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    path = tmp_path / f"box{ending}"
    if ending == ".obj":
        rows = ["v {} {} {}".format(*c) for c in corners]
        rows += ["f " + " ".join(str(i + 1) for i in quad) for quad in quads]
    else:
        rows = ["ply", "format ascii 1.0", "element vertex 8"]
        rows += [f"property float {axis}" for axis in "xyz"]
        rows += ["element face 6", "property list uchar int vertex_indices", "end_header"]
        rows += ["{} {} {}".format(*c) for c in corners]
        rows += ["4 {} {} {} {}".format(*quad) for quad in quads]
    path.write_text("\n".join([*rows, ""]), encoding="utf-8")
    assert read_mesh(path, closed=True).volume == pytest.approx(24)


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize(
    ("said", "signs"),
    [
        ("3D Slicer output. SPACE=RAS", (-1, -1, 1)),
        ("3D Slicer output. SPACE=LPS", (1, 1, 1)),
        ("3D Slicer output. space = ras", (-1, -1, 1)),
        ("SPACE=LAS", (1, -1, 1)),
        ("3D Slicer output.", (1, 1, 1)),
    ],
)
def test_a_comment_says_which_way_the_axes_point(
    tmp_path: Path, name: str, said: str, signs: tuple[int, int, int]
) -> None:
    (tmp_path / name).write_bytes(SPACES[name](said))
    found = read_mesh(tmp_path / name, closed=True)
    assert found.volume == pytest.approx(VOLUME, rel=1e-5)
    middle = VERTICES.mean(axis=0) * signs
    np.testing.assert_allclose(found.vertices.mean(axis=0), middle, atol=1e-3)


@pytest.mark.parametrize("name", SPACES)
def test_a_space_that_is_no_patients_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(SPACES[name]("SPACE=IJK"))
    with pytest.raises(InputError, match=r"is in the space IJK; export it in LPS or RAS\.$"):
        read_mesh(tmp_path / name)


@pytest.mark.parametrize("ending", [".stl", ".ply", ".obj"])
def test_what_is_written_says_that_it_is_lps(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"ball{ending}"
    (tmp_path / "source.ply").write_bytes(ply("binary_big_endian", "SPACE=RAS"))
    mesh = read_mesh(tmp_path / "source.ply")
    # A word that looks like another space does not win over it.
    write_mesh(
        path, mesh, "made of SPACE=RAS.csv by a command with a very long line of options, mm"
    )
    assert b"SPACE=LPS" in path.read_bytes()[:300]
    np.testing.assert_allclose(read_mesh(path).vertices.mean(0), mesh.vertices.mean(0), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.stl", binary_stl(b"x", cut=130)),
        ("whole-triangles-cut.stl", binary_stl(b"solid x", cut=350)),
        ("miscounted.stl", binary_stl(b"x", count=3)),
        ("endless.stl", text_stl().rsplit(b"endsolid", 1)[0]),
        ("cut.ply", ply("binary_little_endian")[:-100]),
        ("cut-text.ply", ply("ascii")[:-300]),
        ("beyond.obj", obj(lambda f: "f {} {} {}".format(*(i + 1000 for i in f)))),
        ("empty.obj", b""),
        ("empty.stl", b""),
        ("image.ply", b"\x89PNG\r\n\x1a\n"),
    ],
)
def test_a_mesh_that_is_cut_or_damaged_is_a_sentence(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"{name} [^()]*\.$"):
        read_mesh(tmp_path / name, closed=True)


def test_corners_that_are_no_numbers_are_said(tmp_path):
    box = trimesh.creation.box()
    corners = box.vertices.copy()
    corners[3, 1] = np.nan
    path = tmp_path / "nan.obj"
    lines = [f"v {x} {y} {z}" for x, y, z in corners]
    lines += [f"f {a} {b} {c}" for a, b, c in box.faces + 1]
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match="corners that are no numbers"):
        read_mesh(path, closed=True)
