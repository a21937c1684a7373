"""A mesh drawn without a screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import Normalize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from napari_midl.methods.anatomy.alignment import Points
    from napari_midl.volumes.meshes import Mesh

BONE = (0.96, 0.92, 0.84, 1.0)


@dataclass(frozen=True)
class Shown:
    """What was drawn.

    Parameters
    ----------
    axes : ndarray, shape (2, 3)
        Right and up of the picture.
    colours : ScalarMappable
        For a colour bar.
    """

    axes: Points
    colours: ScalarMappable

    def project(self, points: Points) -> Points:
        """Where points in mm lie in the picture."""
        return np.asarray(points @ self.axes.T)


def draw(
    axis: Axes,
    mesh: Mesh,
    towards: Sequence[float],
    values: NDArray[np.float64] | None = None,
    in_front: float = np.inf,
) -> Shown:
    """Draw a mesh on a matplotlib axis, without perspective, z up.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
        Where.
    mesh : Mesh
        In mm.
    towards : sequence of float
        From the mesh to the eye ``(x, y, z)``.
    values : ndarray, shape (V,), optional
        Colour of each vertex, viridis from least to greatest; without any, like bone.
    in_front : float
        Leave out what lies nearer to the eye than this, in mm along `towards`.
    """
    eye = np.asarray(towards, float) / np.linalg.norm(towards)
    right = np.cross([0, 0, 1], eye)
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(eye, right)])
    corners = mesh.vertices[mesh.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    depth = corners.mean(1) @ eye
    seen = np.flatnonzero((normals @ eye > 0) & (depth < in_front))
    seen = seen[np.argsort(depth[seen])]
    light = eye + 0.5 * axes[1] + 0.4 * axes[0]
    shade = np.clip(normals[seen] @ light / np.linalg.norm(light), 0, 1)
    colours = ScalarMappable(cmap="viridis")
    painted = np.tile(BONE, (len(seen), 1))
    if values is not None:
        colours.set_norm(Normalize(float(values.min()), float(values.max())))
        painted = colours.to_rgba(values[mesh.faces[seen]].mean(1))
    painted[:, :3] *= (0.35 + 0.65 * shade)[:, None]
    outlines = corners[seen] @ axes.T
    axis.add_collection(PolyCollection(outlines, facecolors=painted, edgecolors=painted, lw=0.3))
    axis.autoscale_view()
    axis.set_aspect("equal")
    axis.set_axis_off()
    return Shown(axes, colours)
