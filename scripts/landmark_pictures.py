"""Draw the small pictures that show a person where each landmark of the mandible is.

Usage: python scripts/landmark_pictures.py
"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from napari_midl.methods.anatomy.apply import Anatomy
from napari_midl.methods.anatomy.models import named_model
from napari_midl.methods.anatomy.picture import draw
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
        normal = surface.normals[triangle[0]]
        # Seen from above, an upper edge is a line.
        above = np.array([np.sign(point[0]), -0.3, 0.6])
        towards = above if normal[2] > UPWARD else normal * [1, 1, 0.35]
        # Without a ground, it lies on that of the dock, light or dark.
        figure = Figure(figsize=(2, 2), dpi=90, facecolor="none")
        axis = figure.add_axes((0, 0, 1, 1))
        # What stands between the eye and the landmark, such as the other half, is left out.
        shown = draw(axis, Mesh(mesh.vertices - point, mesh.faces), towards, in_front=IN_FRONT)
        axis.plot(*shown.project(np.zeros(3)), "o", color="#e0203c", ms=9, mec="white")
        axis.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH))
        path = anatomy.template.picture(info.name)
        path.parent.mkdir(exist_ok=True)
        figure.savefig(path)


if __name__ == "__main__":
    main()
