"""Sets of landmarks, each with all names of a template in its order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.volumes.landmarks import Landmarks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_midl.methods.anatomy.template import Template


def nothing_placed(template: Template) -> Landmarks:
    """All landmarks of a template, missing."""
    return Landmarks(template.names, np.full((len(template.names), 3), np.nan))


def moved(landmarks: Landmarks, changes: Mapping[str, Any]) -> Landmarks:
    """Landmarks with some at other points ``(x, y, z)``, or missing where that is None."""
    points = landmarks.points.copy()
    for name, point in changes.items():
        points[landmarks.names.index(name)] = np.nan if point is None else point
    return Landmarks(landmarks.names, points)


def known(landmarks: Landmarks, template: Template) -> Landmarks:
    """Those landmarks that a template has, by the same name."""
    pairs = zip(landmarks.names, landmarks.points, strict=True)
    kept = {name: point for name, point in pairs if name in template.names}
    return moved(nothing_placed(template), kept)


def next_missing(landmarks: Landmarks, after: int) -> int:
    """The next landmark to place, from the first again after the last.

    Where all are placed it is the one at `after` itself.
    """
    missing = np.flatnonzero(~landmarks.placed)
    if not len(missing):
        return after % len(landmarks.names)
    later = missing[missing > after]
    return int(later[0] if len(later) else missing[0])


def landmarks_file(folder: Path) -> Path:
    """Where the landmarks of a scan are kept in its project folder."""
    return folder / "landmarks.csv"
