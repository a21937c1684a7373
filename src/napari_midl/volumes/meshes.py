"""Triangle meshes in millimetres of the world (LPS), to and from files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import whole_file
from napari_midl.volumes.patient import LPS, to_lps

if TYPE_CHECKING:
    from pathlib import Path

    import trimesh
    from numpy.typing import NDArray

ENDINGS = (".stl", ".ply", ".obj")
MM = "millimeter"
_STL_HEADER = 80
# 3D Slicer writes into a comment of a mesh which way its axes point, and looks there for it.
_SPACE = re.compile(rb"SPACE\s*=\s*([A-Za-z-]+)", re.IGNORECASE)
_OURS = f"SPACE={LPS}"
# How a line of comment begins; that of STL is its first line, or the first bytes.
_COMMENTS = {".ply": b"comment", ".obj": b"#", ".stl": b""}
_HEAD = 1 << 16


@dataclass(frozen=True)
class Mesh:
    """A surface of triangles.

    Parameters
    ----------
    vertices : ndarray of float64, shape (V, 3)
        ``(x, y, z)`` in millimetres of the world (LPS).
    faces : ndarray of int32, shape (F, 3)
        Vertices of each triangle, counterclockwise as seen from outside.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int32]

    @property
    def volume(self) -> float:
        """Enclosed volume in cubic millimetres."""
        a, b, c = np.moveaxis(self.vertices[self.faces], 1, 0)
        return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)

    @property
    def closed(self) -> bool:
        """Whether each edge has a triangle on both of its sides."""
        return bool(as_trimesh(self).is_watertight)


def read_mesh(path: Path, closed: bool = False) -> Mesh:
    """Read a mesh, with vertices that lie on each other merged and triangles facing outward.

    Parameters
    ----------
    path : Path
        ``.stl``, ``.ply`` or ``.obj``. Millimetres are assumed, as these formats name no unit; and
        LPS, unless a comment says ``SPACE=RAS`` as those of 3D Slicer do.
    closed : bool
        Refuse a mesh with holes.

    Raises
    ------
    InputError
        If the file cannot be read, holds no triangle, is in another space, or has holes where it
        may not.
    """
    import trimesh

    if not path.exists():
        raise InputError(f"{path} does not exist; check the path.")
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise InputError(
            f"{path} is no .stl, .ply or .obj; save it as one, for example with 3D Slicer or "
            "MeshLab."
        )
    signs = _signs(path, ending)
    try:
        read: Any = trimesh.load_mesh(path, process=False, skip_materials=True)
        _check_finite(path, read.vertices)
        # Seams of textures and normals would count as holes.
        read.merge_vertices(merge_tex=True, merge_norm=True)
        # A space that is the mirror image of ours turns triangles inside out.
        faces = read.faces[:, :: int(np.prod(signs))]
        found = trimesh.Trimesh(read.vertices * signs, faces, process=True)
    except InputError:
        raise
    except Exception as error:  # each format fails in ways of its own
        raise InputError(
            f"{path} is no mesh that can be read: it is no {ending[1:].upper()}, cut short "
            "or damaged; copy or export it again."
        ) from error
    found.update_faces(found.nondegenerate_faces())
    if not len(found.faces) or not np.isfinite(found.vertices).all():
        raise InputError(
            f"{path} holds no triangle that can be read: it is empty, cut short or damaged; copy "
            "or export it again."
        )
    if closed and not found.is_watertight:
        raise InputError(
            f"{path} is not closed: it has holes or loose triangles; close it, for example with "
            "MeshLab's Close Holes."
        )
    if not found.is_winding_consistent or (found.is_watertight and found.volume < 0):
        found.fix_normals()
    return Mesh(np.asarray(found.vertices, np.float64), np.asarray(found.faces, np.int32))


def _check_finite(path: Path, vertices: NDArray[Any]) -> None:
    if not np.isfinite(vertices).all():
        raise InputError(
            f"{path} has corners that are no numbers (NaN or infinity); repair it, for example "
            "with MeshLab, or export it again."
        )


def write_mesh(
    path: Path, mesh: Mesh, provenance: str, colours: NDArray[np.uint8] | None = None
) -> None:
    """Write a mesh in millimetres and LPS, which it says; the file appears once it is complete.

    Parameters
    ----------
    path : Path
        ``.stl`` (binary), ``.ply`` (binary) or ``.obj``.
    mesh : Mesh
        What to write.
    provenance : str
        Where it comes from, one line; goes to the comments of PLY and OBJ, and cut to 70
        characters into the header of STL.
    colours : ndarray of uint8, shape (V, 4), optional
        Red, green, blue and opacity of each vertex; STL has none.

    Raises
    ------
    InputError
        If the ending is another one, or the file cannot be written.
    """
    from trimesh.visual import ColorVisuals

    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise InputError(f"{path} should end in .stl, .ply or .obj; rename it.")
    made = as_trimesh(mesh)
    if colours is not None:
        made.visual = ColorVisuals(made, vertex_colors=colours)
    comment = " ".join(provenance.split())
    with whole_file(path) as beside:
        beside.write_bytes(_ENCODERS[ending](made, comment))


def as_trimesh(mesh: Mesh) -> trimesh.Trimesh:
    """The same mesh for trimesh, which changes nothing of it."""
    import trimesh

    return trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)


def _signs(path: Path, ending: str) -> tuple[int, int, int]:
    """What turns the points of a file into LPS."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror or error}); check the path."
        ) from error
    lines = [head[:_STL_HEADER]] if ending == ".stl" else []
    lines += head.split(b"end_header")[0].splitlines()[: 1 if ending == ".stl" else None]
    said = [
        match[1].decode()
        for line in lines
        if line.lstrip().startswith(_COMMENTS[ending])
        for match in _SPACE.finditer(line)
    ]
    signs = to_lps(said[-1] if said else LPS)
    if signs is None:
        raise InputError(f"{path} is in the space {said[-1]}; export it in LPS or RAS.")
    return signs


def _stl(made: Any, comment: str) -> bytes:
    said = comment.encode("ascii", "replace")[: _STL_HEADER - len(_OURS) - 1]
    header = b" ".join((said, _OURS.encode())).ljust(_STL_HEADER)
    return header + bytes(made.export(file_type="stl"))[_STL_HEADER:]


def _ply(made: Any, comment: str) -> bytes:
    first, second, rest = bytes(made.export(file_type="ply")).split(b"\n", 2)
    said = f"comment {comment} {_OURS}".encode("ascii", "replace")
    return b"\n".join((first, second, said, rest))


def _obj(made: Any, comment: str) -> bytes:
    return str(made.export(file_type="obj", header=f"{comment} {_OURS}")).encode()


_ENCODERS = {".stl": _stl, ".ply": _ply, ".obj": _obj}


def cluster_vertices(
    vertices: NDArray[np.float64], faces: NDArray[np.int32], cell: float
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """A coarser mesh: one vertex is kept in each cube (Rossignac and Borrel, 1993).

    Parameters
    ----------
    vertices : ndarray, shape (V, 3)
        In mm.
    faces : ndarray, shape (F, 3)
        Triangles of those vertices.
    cell : float
        Edge of the cubes, mm.

    Returns
    -------
    kept : ndarray, shape (v,)
        Which vertices are kept: the first in each cube.
    faces : ndarray of int32, shape (f, 3)
        The triangles that still have three corners, in terms of those.
    """
    cells = np.floor(vertices / cell).astype(np.int64)
    cells -= cells.min(axis=0)
    key = np.ravel_multi_index(tuple(cells.T), tuple(cells.max(axis=0) + 1))
    _, kept, inverse = np.unique(key, return_index=True, return_inverse=True)
    corners = inverse[faces]
    whole = (corners != np.roll(corners, 1, axis=1)).all(axis=1)
    return kept, corners[whole].astype(np.int32)
