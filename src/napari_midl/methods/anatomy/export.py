"""Shapes as files: meshes, masks, and tables of their landmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_midl.engine.jobs import Job, Progress, elsewhere
from napari_midl.engine.uncertainty import end_of_colours, painted
from napari_midl.methods.anatomy.fitting import WORST
from napari_midl.methods.anatomy.overlap import check_not_empty
from napari_midl.methods.anatomy.ports import MASKS, ZARR, table_path
from napari_midl.volumes.grids import Filled
from napari_midl.volumes.meshes import MM, write_mesh
from napari_midl.volumes.nifti import write_nifti
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.space import Space
from napari_midl.volumes.tables import write_table

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.methods.anatomy.apply import Generated
    from napari_midl.volumes.meshes import Mesh
    from napari_midl.volumes.volume import Volume

INSIDE = 255


def write_shape(
    made: Generated, out: Path, provenance: str, scan: Volume | None = None
) -> Job[None]:
    """Write a generated shape, and the table of its landmarks beside it.

    Parameters
    ----------
    made : Generated
        The shape.
    out : Path
        ``.ply``, ``.stl`` or ``.obj`` in mm, or ``.ome.zarr`` or ``.nii.gz`` for a mask. PLY and
        OBJ carry the uncertainty as colours, or where it was fitted the distance to the bone.
    provenance : str
        Where it comes from, one line.
    scan : Volume, optional
        The image ``Z Y X`` on whose voxels a mask is laid.
    """
    if out.name.endswith(MASKS):
        yield from write_mask(made.mesh, out, scan)
    else:
        yield Progress(0, 0, "writing the mesh")
        colours = None
        if made.fit is not None:
            colours = painted(made.fit.after.distances, WORST)
            provenance += f", colours: distance to the bone from 0 to {WORST:g} mm"
        elif np.isfinite(made.uncertainty).all():
            highest = end_of_colours(made.uncertainty)
            colours = painted(made.uncertainty, highest)
            provenance += f", colours: uncertainty from 0 to {highest:g} mm"
        write_mesh(out, made.mesh, provenance, colours)
    write_table(landmark_table(made), table_path(out))


def landmark_table(made: Generated) -> pd.DataFrame:
    """Each landmark, where it is, and what the model thinks of it."""
    x, y, z = made.landmarks.points.T
    columns: dict[str, Any] = {
        "name": made.landmarks.names,
        "x": x,
        "y": y,
        "z": z,
        "placed": made.spread == 0,
        "spread_mm": made.spread,
        "doubt": made.doubt,
        "to_surface_mm": made.to_surface,
    }
    return pd.DataFrame(columns)


def write_mask(mesh: Mesh, out: Path, scan: Volume | None = None) -> Job[None]:
    """The inside of a mesh as `INSIDE`, in an image of 0.

    Parameters
    ----------
    mesh : Mesh
        Closed, mm of the world.
    out : Path
        A new ``.ome.zarr`` or ``.nii.gz``.
    scan : Volume, optional
        The image ``Z Y X`` on whose voxels to lay it; without one, voxels of 1 mm about the mesh.

    Raises
    ------
    InputError
        If the mesh is too small for those, or the mask cannot be written.
    """
    if scan is None:
        corner = np.floor(mesh.vertices.min(0)) - 2
        far = np.ceil(mesh.vertices.max(0)) + 3
        shape = tuple((far - corner).astype(int)[::-1].tolist())
        space = Space.of((1.0, 1.0, 1.0), MM, corner.tolist())
    else:
        shape, space = scan.shape, scan.space
    filled = Filled(mesh, shape, space, INSIDE)
    if scan is None:
        check_not_empty(mesh, filled)
    if not out.name.endswith(ZARR):
        yield from elsewhere(lambda: write_nifti(filled, space, out), "writing the mask")
        return
    z, y, x = shape
    image = OmeZarrImage.create(
        out,
        shape=shape,
        dtype="uint8",
        axes="ZYX",
        space=space,
        chunks=(1, min(y, 512), min(x, 512)),
        name="mask",
    )
    for k in range(z):
        yield Progress(k, z, "writing the mask")
        plane = slice(k, k + 1)
        image.write((plane, slice(0, y), slice(0, x)), np.asarray(filled[plane]))


def labels_of(mesh: Mesh, scan: Volume) -> Job[NDArray[np.uint8]]:
    """The inside of a mesh as labels ``(Z, Y, X)`` on the voxels of a scan, 1 inside."""
    filled = Filled(mesh, scan.shape, scan.space)
    labels = np.zeros(scan.shape, np.uint8)
    for z in range(len(labels)):
        yield Progress(z, len(labels), "filling the mesh")
        labels[z] = filled[z]
    return labels
