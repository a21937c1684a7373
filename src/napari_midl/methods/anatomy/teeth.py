"""Which part of a mandible's mesh are teeth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.methods.anatomy.shapes import Shape
    from napari_midl.methods.anatomy.template import Template

# How far teeth begin in front of the ramus, how thick and how high they are.
BEHIND_MM, TOOTH_MM, CROWN_MM = 5.0, 6.0, 9.0


def crowns(shape: Shape, template: Template) -> NDArray[np.bool_]:
    """Which vertices ``(V,)`` are teeth: those near the top in front of the ramus.

    Parameters
    ----------
    shape : Shape
        With crowns of usual height; upright.
    template : Template
        The mandible.
    """
    vertices = shape.mesh.vertices
    behind = [template.index(f"retromolar fossa {side}") for side in ("left", "right")]
    in_front = vertices[:, 1] < shape.landmarks[behind, 1].mean() - BEHIND_MM
    across = cKDTree(vertices[in_front, :2])
    near = across.query_ball_point(vertices[in_front, :2], TOOTH_MM)
    heights = vertices[in_front, 2]
    top = np.array([heights[at].max() for at in near])
    found = np.zeros(len(vertices), bool)
    found[in_front] = heights > top - CROWN_MM
    return found
