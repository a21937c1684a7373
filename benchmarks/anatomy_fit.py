"""``fit``: a mesh pulled onto the bone of a made-up CT of a real mandible that no training saw.

The bone is a shell of cortex about marrow, in noise, between neighbours: upper teeth a millimetre
above the lower ones, sockets about the condyles, and a column behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from benchmarks.anatomy_unseen import TEMPLATE, real, without
from napari_midl.engine.jobs import run
from napari_midl.methods.anatomy.asking import asking_order
from napari_midl.methods.anatomy.fitting import fit
from napari_midl.methods.anatomy.score import between, crossing
from napari_midl.volumes.grids import mask
from napari_midl.volumes.landmarks import Landmarks
from napari_midl.volumes.meshes import MM, Mesh
from napari_midl.volumes.space import Space
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

VOXEL, MARGIN = (0.8, 0.6, 0.6), 14.0
SOFT, MARROW, CORTEX = 40.0, 220.0, 1300.0
CORTEX_MM, GAP_MM, NOISE, BLUR = 2.5, 1.5, 90.0, 0.7
LEVEL = 600.0
PLACED = (4, 10, 28)


def made_up_scan(mesh: Mesh, landmarks: NDArray[np.float64], seed: int = 0) -> Volume:
    """A CT of a mandible between its neighbours."""
    corner = mesh.vertices.min(0) - MARGIN
    extent = np.ptp(mesh.vertices, axis=0) + 2 * MARGIN
    shape = tuple(np.ceil(extent[::-1] / VOXEL).astype(int).tolist())
    space = Space.of(VOXEL, MM, corner.tolist())
    bone = mask(mesh, shape, space) > 0
    outside = ndimage.distance_transform_edt(~bone, VOXEL)
    inside = ndimage.distance_transform_edt(bone, VOXEL)
    z, y, x = (
        axis + np.arange(n) * size for axis, n, size in zip(corner[::-1], shape, VOXEL, strict=True)
    )
    z, y, x = np.meshgrid(z, y, x, indexing="ij", sparse=True)
    fossa = landmarks[[TEMPLATE.index(f"retromolar fossa {s}") for s in ("left", "right")]]
    condyles = [TEMPLATE.index(f"condyle lateral {s}") for s in ("left", "right")]
    upper = (y < fossa[:, 1].mean()) & (z > fossa[:, 2].mean()) & (outside < GAP_MM + 14)
    upper &= ndimage.binary_erosion(~ndimage.binary_dilation(bone, iterations=1)) & (
        outside > GAP_MM
    )
    # Above all of the lower teeth in each column.
    upper &= np.cumsum(bone[::-1], axis=0)[::-1] == 0
    socket = np.zeros(shape, bool)
    for index in condyles:
        top = landmarks[index]
        near = (x - top[0]) ** 2 + (y - top[1]) ** 2 + (z - top[2]) ** 2 < 18**2
        socket |= near & (outside > GAP_MM) & (outside < GAP_MM + 4) & (z > top[2] - 4)
    column = (x - x.mean()) ** 2 + (y - mesh.vertices[:, 1].max() - 4) ** 2 < 9**2
    column = np.broadcast_to(column, shape) & (outside > GAP_MM)
    image = np.full(shape, SOFT, np.float32)
    image[bone] = MARROW
    image[bone & (inside < CORTEX_MM)] = CORTEX
    image[upper | socket | column] = CORTEX
    image = ndimage.gaussian_filter(image, BLUR)
    image += np.random.default_rng(seed).normal(0, NOISE, shape).astype(np.float32)
    return Volume.from_array(
        image, scale=VOXEL, units=MM, origin=corner.tolist(), name="made-up CT"
    )


def fits(data: Path) -> list[dict[str, Any]]:
    """Distances of the surfaces before and after, from few landmarks and from all."""
    rows = []
    for true, base in zip(*real(data), strict=True):
        if not true.mesh.closed:
            continue
        anatomy, scan = without(data, base.name), made_up_scan(true.mesh, base.landmarks)
        for count in PLACED:
            points = np.full_like(base.landmarks, np.nan)
            asked = list(asking_order(anatomy.landmarks.mean)[:count])
            points[asked] = base.landmarks[asked]
            made = anatomy.generate(Landmarks(TEMPLATE.names, points))
            fitted = run(fit(made.mesh, points[asked], scan, LEVEL))
            row: dict[str, Any] = {"mesh": base.name, "landmarks": count}
            for when, mesh, told in (
                ("before", made.mesh, fitted.before),
                ("after", fitted.mesh, fitted.after),
            ):
                found = between(mesh, true.mesh)
                row |= {
                    f"SMD {when}": found.mean,
                    f"HD95 {when}": found.hausdorff95,
                    f"told {when}": told.mean,
                    f"told 95 % {when}": told.most,
                }
            rows.append(row | {"faces that cross": len(crossing(fitted.mesh))})
    return rows
