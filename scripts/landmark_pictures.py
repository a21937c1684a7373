"""Draw the small pictures that show a person where each landmark of the mandible is.

Usage: python scripts/landmark_pictures.py
"""

from __future__ import annotations

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from napari_midl.methods.anatomy.apply import Anatomy
from napari_midl.methods.anatomy.models import named_model
from napari_midl.methods.anatomy.score import Surface
from napari_midl.volumes.meshes import Mesh

IN_FRONT, REACH, UPWARD = 32.0, 38.0, 0.7


def main() -> None:
    """Write a PNG for each landmark beside the template."""
    anatomy = Anatomy(named_model("base"))
    mesh = Mesh(anatomy.shapes.mean_surface, anatomy.faces)
    surface = Surface(mesh)
    for info, point in zip(anatomy.template.landmarks, anatomy.shapes.mean_landmarks, strict=True):
        _, triangle = surface.nearest(point[None])
        towards = surface.normals[triangle[0]] * [1, 1, 0.35]
        if surface.normals[triangle[0], 2] > UPWARD:
            # Seen from above, an upper edge is a line.
            towards = np.array([np.sign(point[0]), -0.3, 0.6])
        path = anatomy.template.picture(info.name)
        path.parent.mkdir(exist_ok=True)
        _draw(mesh, surface.normals, point, towards / np.linalg.norm(towards)).savefig(path)


def _draw(mesh: Mesh, normals: np.ndarray, point: np.ndarray, towards: np.ndarray) -> Figure:
    """The bone about a landmark, seen against the surface's normal there, z up."""
    right = np.cross([0, 0, 1], towards)
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(towards, right)])
    corners = mesh.vertices[mesh.faces] - point
    depth = corners.mean(1) @ towards
    # What stands between the eye and the landmark, such as the other half, is left out.
    shown = (depth < IN_FRONT) & (normals @ towards > 0)
    order = np.flatnonzero(shown)[np.argsort(depth[shown])]
    light = towards + 0.5 * axes[1] + 0.4 * axes[0]
    shade = np.clip(normals[order] @ light / np.linalg.norm(light), 0, 1)
    colours = (0.25 + 0.7 * shade)[:, None] * [1.0, 0.96, 0.87]
    figure = Figure(figsize=(2, 2), dpi=110)
    FigureCanvasAgg(figure)
    axis = figure.add_axes((0, 0, 1, 1))
    axis.add_collection(
        PolyCollection(corners[order] @ axes.T, facecolors=colours, edgecolors=colours, lw=0.3)
    )
    axis.plot(0, 0, "o", color="#e0203c", markersize=9, markeredgecolor="white")
    axis.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal")
    axis.set_axis_off()
    figure.patch.set_facecolor("#20242c")
    return figure


if __name__ == "__main__":
    main()
