"""Folders of shapes: meshes or masks, each with a file of landmarks of the same name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_midl.errors import InputError
from napari_midl.methods.anatomy.checks import TOO_LARGE, TOO_SMALL, in_order, unit_guessed
from napari_midl.methods.anatomy.landmark_model import MIN_LANDMARKS
from napari_midl.methods.anatomy.scan import as_scan
from napari_midl.methods.anatomy.score import Surface
from napari_midl.volumes.grids import outlined
from napari_midl.volumes.landmarks import read_landmarks
from napari_midl.volumes.meshes import Mesh, read_mesh
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.tables import read_table, write_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_midl.methods.anatomy.alignment import Points
    from napari_midl.methods.anatomy.template import Template

MESHES = (".ply", ".stl", ".obj")
MASKS = (".nii.gz", ".nii", ".ome.zarr", ".ome.tif", ".tif", ".tiff")
LANDMARKS = (".csv", ".tsv", ".mrk.json", ".fcsv")
MIN_SHAPES = 3
# A folder of shapes that were warped from those beside it, and a table of vertices that are teeth.
WARPED, TEETH = "warped", "teeth.csv"
_BORDER = 2


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
    warped_from : str
        The shape that this one was made of by a warp; empty for a real one.
    """

    name: str
    mesh: Mesh
    landmarks: Points
    warped_from: str = ""

    @property
    def origin(self) -> str:
        """The name, without an ending, of the real shape that it is, or was warped from."""
        return self.warped_from or self.name.partition(".")[0]


def list_shapes(folder: Path) -> list[tuple[Path, Path]]:
    """The pairs of a mesh or mask and its landmarks in a folder, by name.

    Raises
    ------
    InputError
        If there are fewer than three, or one lacks its landmarks.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; give one with meshes and their landmarks.")
    pairs, warped = [], folder / WARPED
    inside = sorted(warped.iterdir()) if warped.is_dir() else []
    for path in [*sorted(folder.iterdir()), *inside]:
        ending = next((e for e in (*MESHES, *MASKS) if path.name.lower().endswith(e)), None)
        if ending is None:
            continue
        stem = path.name[: -len(ending)]
        beside = [path.with_name(f"{stem}{e}") for e in LANDMARKS]
        beside = [landmarks for landmarks in beside if landmarks.exists()]
        if not beside:
            raise InputError(f"{path} has no landmarks beside it; add {stem}.csv.")
        pairs.append((path, beside[0]))
    own = sum(path.parent == folder for path, _ in pairs)
    if own < MIN_SHAPES:
        raise InputError(
            f"{folder} holds {own} shapes with landmarks; put {MIN_SHAPES} or more there."
        )
    return pairs


def read_shape(path: Path, landmarks: Path, template: Template) -> Shape:
    """One shape of a folder, in mm of its own world.

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
    size = _size(mesh.vertices)
    if size < 1.0:
        raise InputError(f"{path} is {size:.2g} mm large (metres?); give millimetres.")
    away = np.nan_to_num(Surface(mesh).distance(points))
    if away.max() > 0.1 * size:
        span = _size(points[known])
        raise InputError(
            f"{landmarks} places {template.names[away.argmax()]!r} {_mm(away.max())} from the "
            f"surface of {path.name}, which is {_mm(size)} large{unit_guessed(size / span)}, and "
            f"the landmarks span {_mm(span)}{unit_guessed(span / size)}; give both in mm, where "
            "they lie on each other."
        )
    if path.parent.name == WARPED:
        return Shape(path.name, mesh, points, path.name.rpartition("-")[0] or path.name)
    return Shape(path.name, mesh, points)


def check_sizes(shapes: Sequence[Shape], template: Template, usual: float | None = None) -> None:
    """Refuse shapes of which one is in another unit than the others, or all are.

    Parameters
    ----------
    shapes : sequence of Shape
        What was read.
    template : Template
        What they are.
    usual : float, optional
        How large such shapes are along their longest axis, in mm.

    Raises
    ------
    InputError
        If so; the likely unit is named.
    """
    sizes = [_size(shape.mesh.vertices) for shape in shapes]
    others = float(np.median(sizes))
    for shape, size in zip(shapes, sizes, strict=True):
        if not TOO_SMALL < size / others < TOO_LARGE:
            raise InputError(
                f"{shape.name} is {_mm(size)}{unit_guessed(size / others)} large and the others "
                f"about {_mm(others)}; give all of them in mm."
            )
    if usual is None:
        return
    if not TOO_SMALL < others / usual < TOO_LARGE:
        raise InputError(
            f"{shapes[0].name} and the others are about {_mm(others)}"
            f"{unit_guessed(others / usual)} large, but a {template.name} is {_mm(usual)}; give "
            "millimetres, or a template of another name if they are so."
        )


def check_origins(folder: Path, shapes: Sequence[Shape]) -> None:
    """Refuse a warped shape of which it is not said what it was warped from.

    Raises
    ------
    InputError
        If it does not begin with the name of a shape beside its folder.
    """
    real = {shape.origin for shape in shapes if not shape.warped_from}
    for shape in shapes:
        if shape.origin not in real:
            raise InputError(
                f"{folder / WARPED} holds {shape.name!r}, which was warped from none of the shapes "
                f"in {folder}; name it after one, such as {min(real)}-1."
            )


def write_teeth(folder: Path, points: Points) -> None:
    """Write which vertices of the first shape of a folder are teeth."""
    write_table(pd.DataFrame(points, columns=list("xyz")), folder / TEETH)


def read_teeth(folder: Path) -> Points | None:
    """Vertices ``(t, 3)`` of the first shape of a folder that are teeth; None if it says none.

    Raises
    ------
    InputError
        If the table cannot be read.
    """
    path = folder / TEETH
    if not path.exists():
        return None
    try:
        return read_table(path, list("xyz"))[list("xyz")].to_numpy(float)
    except ValueError:
        raise InputError(
            f"{path} has coordinates that are no numbers; correct it, or delete it."
        ) from None


def _mm(length: float) -> str:
    return f"{length:.0f} mm" if length >= 100 else f"{length:.3g} mm"


def _size(points: Points) -> float:
    return float(np.ptp(points, axis=0).max())


def _mask_surface(path: Path) -> Mesh:
    """The surface of everything that is not 0, where the mask lies."""
    from scipy import ndimage

    opened = open_volume(path).spatial()
    try:
        volume = as_scan(opened)
    except InputError:
        raise InputError(
            f"The voxel size of {path} is not known ({opened.space.unknown}); save the mask again "
            "with its voxel size, or give its surface as a mesh in mm."
        ) from None
    inside = np.asarray(volume.data) > 0
    if not inside.any() or inside.all():
        raise InputError(f"{path} is empty or full; give a mask with the shape in it.")
    # With a border outside, so that the surface closes.
    smooth = ndimage.gaussian_filter(np.pad(inside, _BORDER).astype(np.float32), 0.7)
    return outlined(smooth, 0.5, volume.space.cut((-_BORDER,) * 3))
