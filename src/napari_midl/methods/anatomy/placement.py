"""The paper's 28 landmarks, placed on a mandible's mesh by geometry.

For meshes that come without landmarks. The mesh must stand upright with x to its left, y to
its back and z up (LPS), its midline at x = 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_midl.methods.anatomy.alignment import Points
    from napari_midl.methods.anatomy.template import Template

SLICE = 1.0


def place(vertices: Points, template: Template) -> Points:
    """Landmarks ``(28, 3)`` among the vertices, in the order of the mandible's template.

    Parameters
    ----------
    vertices : ndarray, shape (V, 3)
        In mm, LPS.
    template : Template
        The mandible.
    """
    found = _midline(vertices)
    for side, sign in (("left", 1), ("right", -1)):
        flip = np.array([sign, 1, 1])
        half = (vertices * flip)[vertices[:, 0] * sign > 0]
        found |= {f"{name} {side}": point * flip for name, point in _side(half).items()}
    return np.array([found[name] for name in template.names])


def _midline(vertices: Points) -> dict[str, Points]:
    middle = vertices[np.abs(vertices[:, 0]) < SLICE]
    low = middle[middle[:, 2] - vertices[:, 2].min() < 0.5 * np.ptp(middle[:, 2])]
    return {
        "mental protuberance": low[low[:, 1].argmin()],
        "genial tubercle": low[low[:, 1].argmax()],
    }


def _side(half: Points) -> dict[str, Points]:
    """Landmarks of the half with x > 0."""
    top = _upper_edge(half)
    condyle = int(top[:, 2].argmax())
    in_front = top[:, 1] < top[condyle, 1] - 20
    coronoid = int(np.where(in_front, top[:, 2], -np.inf).argmax())
    notch = top[coronoid + int(top[coronoid : condyle + 1, 2].argmin())]
    head = half[(half[:, 1] > notch[1] + 4) & (half[:, 2] > top[condyle, 2] - 9)]
    peak = half[half[:, 1] < notch[1]]
    peak = peak[peak[:, 2].argmax()]
    ramus = half[half[:, 0] > 0.6 * notch[0]]
    teeth = float(np.median(top[top[:, 1] < peak[1] - 6, 2]))
    rise = int(np.argmax(top[:, 2] > (teeth + peak[2]) / 2))
    edge = np.array([_front(ramus, z) for z in np.arange(teeth + 4, notch[2])])
    lowest = _slab(half, 1, notch[1])[:, 2].min()
    corner = half[(half[:, 2] < notch[2] - 10) & (half[:, 1] > notch[1] - 15)]
    angle = corner[(corner @ [0.15, 1.0, -1.0]).argmax()]
    chin = half[(half[:, 0] < 22) & (half[:, 2] < half[:, 2].min() + 12)]
    posterior = head[head[:, 1].argmax()]
    return {
        "condyle anterior": head[head[:, 1].argmin()],
        "condyle medial": head[head[:, 0].argmin()],
        "condyle posterior": posterior,
        "condyle lateral": head[head[:, 0].argmax()],
        "mandibular notch": notch,
        "coronoid peak": peak,
        "coronoid anterior": _front(ramus, notch[2]),
        "mandibular foramen": _foramen(ramus, lowest + 0.55 * (notch[2] - lowest)),
        "retromolar fossa": top[rise - 1],
        "ramus posterior": _hollow_behind(half, angle, posterior),
        "mental tubercle": chin[(chin @ [0.5, -1.0, -0.8]).argmax()],
        "angle": angle,
        "ramus anterior": edge[edge[:, 1].argmax()],
    }


def _slab(points: Points, axis: int, at: float) -> Points:
    return points[np.abs(points[:, axis] - at) < SLICE]


def _upper_edge(half: Points) -> Points:
    """The highest vertex at each millimetre from front to back."""
    slabs = (_slab(half, 1, y) for y in np.arange(half[:, 1].min(), half[:, 1].max(), 1.0))
    return np.array([slab[slab[:, 2].argmax()] for slab in slabs if len(slab)])


def _front(ramus: Points, height: float) -> Points:
    slab = _slab(ramus, 2, height)
    return np.asarray(slab[slab[:, 1].argmin()])


def _foramen(ramus: Points, height: float) -> Points:
    """The innermost vertex three fifths of the way from the front edge to the rear."""
    slab = _slab(ramus, 2, height)
    back = 0.4 * slab[:, 1].min() + 0.6 * slab[:, 1].max()
    there = _slab(_slab(ramus, 1, back), 2, height)
    return np.asarray(there[there[:, 0].argmin()])


def _hollow_behind(half: Points, angle: Points, condyle: Points) -> Points:
    """The vertex of the rear edge furthest in front of the chord from angle to condyle."""
    heights = np.arange(angle[2] + 3, condyle[2] - 3)
    rear = np.array([slab[slab[:, 1].argmax()] for slab in (_slab(half, 2, z) for z in heights)])
    chord = condyle[1:] - angle[1:]
    depth = (rear[:, 1:] - angle[1:]) @ np.array([-chord[1], chord[0]])
    return np.asarray(rear[depth.argmax()])
