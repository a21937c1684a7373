"""Triangle meshes in millimetres: to and from files, and as masks on a grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import trimesh
    from numpy.typing import NDArray

ENDINGS = (".stl", ".ply", ".obj")
_STL_HEADER = 80
# A plane or row through a vertex has no clear inside, so that each is moved by such a share of a
# voxel; not both by the same, or a diagonal edge would be met again.
_PLANE_ASIDE, _ROW_ASIDE = 1e-5, 1.7e-5
_DIGITS = 10


@dataclass(frozen=True)
class Mesh:
    """A surface of triangles.

    Parameters
    ----------
    vertices : ndarray of float64, shape (V, 3)
        ``(x, y, z)`` in millimetres.
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
        return bool(_as_trimesh(self).is_watertight)


def read_mesh(path: Path, closed: bool = False) -> Mesh:
    """Read a mesh, with vertices that lie on each other merged and triangles facing outward.

    Parameters
    ----------
    path : Path
        ``.stl``, ``.ply`` or ``.obj``; millimetres are assumed, as these formats name no unit.
    closed : bool
        Refuse a mesh with holes.

    Raises
    ------
    InputError
        If the file cannot be read, holds no triangle, or has holes where it may not.
    """
    import trimesh

    _check_ending(path)
    if not path.exists():
        raise InputError(f"{path} does not exist; check the path.")
    try:
        read: Any = trimesh.load_mesh(path, process=False, skip_materials=True)
        # Seams of textures and normals would count as holes.
        read.merge_vertices(merge_tex=True, merge_norm=True)
        found = trimesh.Trimesh(read.vertices, read.faces, process=True)
    except Exception as error:  # each format fails in ways of its own
        fault = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise InputError(
            f"{path} is no mesh that can be read ({fault}); copy or export it again."
        ) from error
    found.update_faces(found.nondegenerate_faces())
    if not len(found.faces) or not np.isfinite(found.vertices).all():
        raise InputError(
            f"{path} holds no triangle, or a vertex that is no number; export it again."
        )
    if closed and not found.is_watertight:
        raise InputError(
            f"{path} is not closed: it has holes or loose triangles; close it, for example with "
            "MeshLab's Close Holes."
        )
    if not found.is_winding_consistent or (found.is_watertight and found.volume < 0):
        found.fix_normals()
    return Mesh(np.asarray(found.vertices, np.float64), np.asarray(found.faces, np.int32))


def write_mesh(
    path: Path, mesh: Mesh, provenance: str, colours: NDArray[np.uint8] | None = None
) -> None:
    """Write a mesh in millimetres; the file appears only once it is complete.

    Parameters
    ----------
    path : Path
        ``.stl`` (binary), ``.ply`` (binary) or ``.obj``.
    mesh : Mesh
        What to write.
    provenance : str
        Where it comes from, one line; goes to the comments of PLY and OBJ, and cut to 80
        characters into the header of STL.
    colours : ndarray of uint8, shape (V, 4), optional
        Red, green, blue and opacity of each vertex; STL has none.

    Raises
    ------
    InputError
        If the ending is another one, or the file cannot be written.
    """
    from trimesh.visual import ColorVisuals

    ending = _check_ending(path)
    made = _as_trimesh(mesh)
    if colours is not None:
        made.visual = ColorVisuals(made, vertex_colors=colours)
    comment = " ".join(provenance.split())
    with whole_file(path) as beside:
        beside.write_bytes(_ENCODERS[ending](made, comment))


def planes(
    mesh: Mesh,
    shape: Sequence[int],
    voxel_size: Sequence[float],
    origin: Sequence[float] = (0.0, 0.0, 0.0),
) -> Iterator[NDArray[np.uint8]]:
    """Cut a mesh by the planes of a grid, one after the other.

    Parameters
    ----------
    mesh : Mesh
        Closed.
    shape : sequence of int
        ``(Z, Y, X)``.
    voxel_size : sequence of float
        Millimetres along ``(z, y, x)``.
    origin : sequence of float
        Middle ``(x, y, z)`` of the first voxel, in millimetres.

    Yields
    ------
    ndarray of uint8, shape (Y, X)
        1 where the middle of a voxel is inside, else 0; one for each plane.
    """
    from trimesh.intersections import mesh_plane

    made = _as_trimesh(mesh)
    size = np.asarray(voxel_size, float)[::-1]
    scaled = (mesh.vertices - np.asarray(origin, float)) / size
    made.vertices = scaled
    low, high = scaled[:, 2].min(), scaled[:, 2].max()
    for z in np.arange(shape[0]) + _PLANE_ASIDE:
        if low < z < high:
            lines = np.asarray(mesh_plane(made, (0, 0, 1), (0, 0, z)))
            yield _filled(lines[:, :, :2], shape[1], shape[2])
        else:
            yield np.zeros(tuple(shape[1:]), np.uint8)


def mask(
    mesh: Mesh,
    shape: Sequence[int],
    voxel_size: Sequence[float],
    origin: Sequence[float] = (0.0, 0.0, 0.0),
) -> NDArray[np.uint8]:
    """Inside of a mesh on a grid; parameters as in `planes`.

    Returns
    -------
    ndarray of uint8, shape (Z, Y, X)
        1 inside, 0 outside.
    """
    return np.stack(list(planes(mesh, shape, voxel_size, origin)))


def _filled(lines: NDArray[np.float64], height: int, width: int) -> NDArray[np.uint8]:
    """Pixels inside closed outlines given as loose lines ``(n, 2, 2)`` of ``(x, y)``.

    A pixel is inside where a ray towards it from the left crosses an odd number of lines.
    """
    # Ends that lie on each other must not differ in their last bit.
    lines = lines.round(_DIGITS)
    ordered = np.take_along_axis(lines, lines[:, :, 1:].argsort(axis=1), axis=1)
    (x0, y0), (x1, y1) = ordered[:, 0].T, ordered[:, 1].T
    first, last = (np.clip(np.ceil(y - _ROW_ASIDE).astype(int), 0, height) for y in (y0, y1))
    # Each line crosses the rows from `first` up to, not including, `last`.
    counts = last - first
    line = np.repeat(np.arange(len(lines)), counts)
    row = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + first[line]
    share = (row + _ROW_ASIDE - y0[line]) / (y1 - y0)[line]
    column = np.ceil(x0[line] + share * (x1 - x0)[line]).astype(int)
    crossings = np.zeros((height, width + 1), np.uint8)
    np.add.at(crossings, (row, np.clip(column, 0, width)), 1)
    return np.bitwise_and(np.cumsum(crossings, axis=1, dtype=np.uint8), 1)[:, :width]


def _check_ending(path: Path) -> str:
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise InputError(f"{path} should end in .stl, .ply or .obj; rename it.")
    return ending


def _as_trimesh(mesh: Mesh) -> trimesh.Trimesh:
    import trimesh

    return trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)


def _stl(made: Any, comment: str) -> bytes:
    header = comment.encode("ascii", "replace")[:_STL_HEADER].ljust(_STL_HEADER)
    return header + bytes(made.export(file_type="stl"))[_STL_HEADER:]


def _ply(made: Any, comment: str) -> bytes:
    first, second, rest = bytes(made.export(file_type="ply")).split(b"\n", 2)
    return b"\n".join((first, second, b"comment " + comment.encode("ascii", "replace"), rest))


def _obj(made: Any, comment: str) -> bytes:
    return str(made.export(file_type="obj", header=comment)).encode()


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
