"""In which order a person is asked for landmarks: well spread ones first.

Four landmarks of one corner say little of the rest of a shape, and lie nearly in a plane.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.engine.models import shipped_weights
from napari_midl.errors import InputError

if TYPE_CHECKING:
    from napari_midl.methods.anatomy.alignment import Points


def asking_order(points: Points) -> tuple[int, ...]:
    """Indices of points, each the one that is farthest from those before it.

    The first is the farthest from their centre, the next three are the farthest from the point,
    the line and the plane through those before, so that the four span space. From then on the
    nearest of those before counts. Where two are as far, the earlier one comes first.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        The landmarks of a usual shape, mm.
    """
    order = [int(np.linalg.norm(points - points.mean(0), axis=1).argmax())]
    beside = points - points[order[0]]
    while len(order) < min(4, len(points)):
        far = np.linalg.norm(beside, axis=1)
        far[order] = -1.0
        order.append(int(far.argmax()))
        along = beside[order[-1]] / max(float(far.max()), 1e-12)
        beside = beside - np.outer(beside @ along, along)
    while len(order) < len(points):
        far = np.linalg.norm(points[:, None] - points[order], axis=2).min(axis=1)
        far[order] = -1.0
        order.append(int(far.argmax()))
    return tuple(order)


def order_of(model: str | Path) -> tuple[int, ...]:
    """The `asking_order` of the mean landmarks of a model, which alone are read of it.

    Parameters
    ----------
    model : str or Path
        ``base`` (the shipped mandible), or a file whose card names the landmarks.

    Raises
    ------
    InputError
        If it does not hold them.
    """
    from safetensors import SafetensorError, safe_open

    path = shipped_weights("anatomy-base") if str(model) == "base" else Path(model)
    try:
        with safe_open(path, framework="numpy") as file:
            points = np.asarray(file.get_tensor("mean_landmarks"), float)
    except (SafetensorError, OSError):
        raise InputError(
            f"{path} holds no usual places of landmarks; choose an anatomy model, or train one "
            "anew."
        ) from None
    return asking_order(points)
