"""Folders of shapes: meshes or masks, each with a file of landmarks of the same name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.errors import InputError
from napari_midl.methods.anatomy.checks import in_order
from napari_midl.methods.anatomy.score import Surface
from napari_midl.methods.anatomy.shape_model import MIN_LANDMARKS
from napari_midl.volumes.landmarks import read_landmarks
from napari_midl.volumes.meshes import Mesh, read_mesh
from napari_midl.volumes.open import open_volume

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.methods.anatomy.alignment import Points
    from napari_midl.methods.anatomy.template import Template

MESHES = (".ply", ".stl", ".obj")
MASKS = (".nii.gz", ".nii", ".ome.zarr", ".ome.tif", ".tif", ".tiff")
LANDMARKS = (".csv", ".mrk.json", ".fcsv")
MIN_SHAPES = 3


@dataclass(frozen=True)
class Shape:
    """A mesh and its landmarks, mm.

    Parameters
    ----------
    name : str
        Where it comes from.
    mesh : Mesh
        Closed.
    landmarks : ndarray, shape (n, 3)
        In the template's order; NaN where missing.
    """

    name: str
    mesh: Mesh
    landmarks: Points


def list_shapes(folder: Path) -> list[tuple[Path, Path]]:
    """The pairs of a mesh or mask and its landmarks in a folder, by name.

    Raises
    ------
    InputError
        If there are fewer than three, or one lacks its landmarks.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; give one with meshes and their landmarks.")
    pairs = []
    for path in sorted(folder.iterdir()):
        ending = next((e for e in (*MESHES, *MASKS) if path.name.lower().endswith(e)), None)
        if ending is None:
            continue
        stem = path.name[: -len(ending)]
        beside = [folder / f"{stem}{e}" for e in LANDMARKS if (folder / f"{stem}{e}").exists()]
        if not beside:
            raise InputError(f"{path} has no landmarks beside it; add {stem}.csv.")
        pairs.append((path, beside[0]))
    if len(pairs) < MIN_SHAPES:
        raise InputError(
            f"{folder} holds {len(pairs)} shapes with landmarks; put {MIN_SHAPES} or more there."
        )
    return pairs


def read_shape(path: Path, landmarks: Path, template: Template) -> Shape:
    """One shape of a folder, in mm.

    Raises
    ------
    InputError
        If a file cannot be read, a mesh is not closed, a mask is empty, there are too few
        landmarks, or one lies far from the surface.
    """
    if path.name.lower().endswith(MESHES):
        mesh = read_mesh(path, closed=True)
    else:
        mesh = _mask_surface(path)
    try:
        points = in_order(read_landmarks(landmarks), template)
    except InputError as error:
        raise InputError(f"{landmarks}: {error}") from None
    known = np.isfinite(points).all(1)
    if known.sum() < MIN_LANDMARKS:
        raise InputError(
            f"{landmarks} places {known.sum()} landmarks; a shape needs {MIN_LANDMARKS}."
        )
    size = float(np.ptp(mesh.vertices, axis=0).max())
    if size < 1.0:
        raise InputError(f"{path} is {size:.2g} mm large (metres?); give millimetres.")
    away = np.nan_to_num(Surface(mesh).distance(points))
    if away.max() > 0.1 * size:
        raise InputError(
            f"{landmarks} places {template.names[away.argmax()]!r} {away.max():.3g} mm from the "
            f"surface of {path.name}; both must be in mm and in one frame."
        )
    return Shape(path.name, mesh, points)


def _mask_surface(path: Path) -> Mesh:
    """The surface of everything that is not 0, x, y, z in mm."""
    from scipy import ndimage
    from skimage.measure import marching_cubes

    volume = open_volume(path).spatial()
    inside = np.asarray(volume.data) > 0
    if not inside.any() or inside.all():
        raise InputError(f"{path} is empty or full; give a mask with the shape in it.")
    smooth = ndimage.gaussian_filter(np.pad(inside, 2).astype(np.float32), 0.7)
    size = np.array(volume.sizes_in("millimeter"))
    vertices, faces, _, _ = marching_cubes(smooth, 0.5, gradient_direction="ascent")
    return Mesh(((vertices - 2) * size)[:, ::-1].copy(), faces[:, ::-1].astype(np.int32).copy())
