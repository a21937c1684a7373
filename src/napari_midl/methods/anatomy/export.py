"""Shapes as files: meshes, masks on a grid, and tables of their landmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_midl.engine.jobs import Job, Progress
from napari_midl.engine.uncertainty import end_of_colours, painted
from napari_midl.methods.anatomy.ports import ZARR, table_path
from napari_midl.volumes.meshes import Mesh, planes, write_mesh
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.space import Space
from napari_midl.volumes.tables import write_table

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.methods.anatomy.apply import Generated
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
        ``.ply``, ``.stl`` or ``.obj`` in mm, or ``.ome.zarr`` for a mask. PLY and OBJ carry the
        uncertainty as colours.
    provenance : str
        Where it comes from, one line.
    scan : Volume, optional
        The image ``Z Y X`` whose grid a mask takes.
    """
    if out.name.endswith(ZARR):
        yield from write_mask(made.mesh, out, scan)
    else:
        yield Progress(0, 0, "writing the mesh")
        colours = None
        if np.isfinite(made.uncertainty).all():
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
    """The inside of a mesh, 255 in an OME-Zarr of 0, plane by plane.

    Parameters
    ----------
    mesh : Mesh
        Closed, mm.
    out : Path
        A new ``.ome.zarr``.
    scan : Volume, optional
        The image ``Z Y X`` whose grid to take; without one, voxels of 1 mm about the mesh.
    """
    if scan is None:
        corner = np.floor(mesh.vertices.min(0)) - 2
        far = np.ceil(mesh.vertices.max(0)) + 3
        z, y, x = (far - corner).astype(int)[::-1].tolist()
        size = (1.0, 1.0, 1.0)
        space = Space.of(size, "millimeter", corner)
    else:
        corner, (z, y, x), size = np.zeros(3), scan.shape, scan.sizes_in("millimeter")
        space = scan.space
    image = OmeZarrImage.create(
        out,
        shape=(z, y, x),
        dtype="uint8",
        axes="ZYX",
        space=space,
        chunks=(1, min(y, 512), min(x, 512)),
        name="mask",
    )
    for k, plane in enumerate(planes(mesh, (z, y, x), size, corner.tolist())):
        yield Progress(k, z, "writing the mask")
        image.write((slice(k, k + 1), slice(0, y), slice(0, x)), INSIDE * plane[None])


def labels_of(mesh: Mesh, scan: Volume) -> Job[NDArray[np.uint8]]:
    """The inside of a mesh as labels ``(Z, Y, X)`` on the grid of a scan, 1 inside."""
    labels = np.zeros(scan.shape, np.uint8)
    for z, plane in enumerate(planes(mesh, scan.shape, scan.sizes_in("millimeter"))):
        yield Progress(z, len(labels), "filling the mesh")
        labels[z] = plane
    return labels
