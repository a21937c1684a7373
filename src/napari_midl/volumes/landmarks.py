"""Landmarks: named points of a person's anatomy, as tables and as markups of 3D Slicer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes.landmark_tables import read_csv, write_csv
from napari_midl.volumes.markups import read_fcsv, read_json, write_fcsv, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

    from napari_midl.volumes.markups import Named, Row


@dataclass(frozen=True)
class Landmarks:
    """Named points.

    Parameters
    ----------
    names : tuple of str
        Each once.
    points : ndarray of float64, shape (n, 3)
        ``(x, y, z)`` in millimetres of the world (LPS); NaN where a landmark is missing.
    """

    names: tuple[str, ...]
    points: NDArray[np.float64]

    @property
    def placed(self) -> NDArray[np.bool_]:
        """Which are not missing, shape (n,)."""
        return np.asarray(np.isfinite(self.points).all(axis=1))

    @classmethod
    def missing(cls, names: Sequence[str]) -> Landmarks:
        """Landmarks of which none is placed."""
        return cls(tuple(names), np.full((len(names), 3), np.nan))

    def moved(self, changes: Mapping[str, ArrayLike | None]) -> Landmarks:
        """These with some at other points ``(x, y, z)`` in mm, or missing where that is None."""
        points = self.points.copy()
        for name, point in changes.items():
            points[self.names.index(name)] = np.nan if point is None else point
        return Landmarks(self.names, points)

    def only(self, names: Sequence[str]) -> Landmarks:
        """The landmarks of other names, in their order; missing where these have none."""
        pairs = zip(self.names, self.points, strict=True)
        return Landmarks.missing(names).moved({n: point for n, point in pairs if n in names})


def read_landmarks(path: Path) -> Landmarks:
    """Read landmarks.

    Parameters
    ----------
    path : Path
        LANDMARKS.csv with ``name,x,y,z`` in millimetres, empty where missing; or markups of
        3D Slicer (``.mrk.json``, ``.fcsv``, or its tables ``.csv`` and ``.tsv``), whose points are
        turned to LPS and millimetres where needed.

    Raises
    ------
    InputError
        If the file cannot be read or does not fit its format, a name comes twice, or a position
        is no number.
    """
    return _checked(path, _READERS[_ending(path, _READERS)](path))


def write_landmarks(path: Path, landmarks: Landmarks) -> None:
    """Write landmarks, missing ones included; the file appears only once it is complete.

    Parameters
    ----------
    path : Path
        ``.csv``, ``.mrk.json`` or ``.fcsv``, as in `read_landmarks`.
    landmarks : Landmarks
        Their positions are written as LPS, rounded to 0.1 um.

    Raises
    ------
    InputError
        If the ending is another one, or the file cannot be written.
    """
    ending = _ending(path, _WRITERS)
    # Adding zero makes -0.0 plain.
    rounded = np.round(landmarks.points, 4) + 0.0
    _WRITERS[ending](
        path,
        [
            (name, point.tolist() if placed else None)
            for name, point, placed in zip(landmarks.names, rounded, landmarks.placed, strict=True)
        ],
    )


def _ending(path: Path, known: Iterable[str]) -> str:
    for ending in known:
        if path.name.lower().endswith(ending):
            return ending
    raise InputError(f"{path} should end in .csv, .mrk.json or .fcsv; rename it.")


def _checked(path: Path, rows: Sequence[Row]) -> Landmarks:
    """The landmarks of a file, none of them doubtful."""
    if not rows:
        raise InputError(f"{path} holds no landmark; give a file with at least one.")
    points: dict[str, list[float]] = {}
    for place, name, position in rows:
        if not name:
            raise InputError(f"{path} {place} has no name; write the landmark's name.")
        if name in points:
            raise InputError(f"{path} {place} repeats the landmark {name!r}; keep one of the two.")
        if len(position) != 3:
            raise InputError(
                f"{path} {place} has {len(position)} coordinates for {name!r}; write x, y and z."
            )
        points[name] = [
            _number(f"{path} {place} has {value!r} as {axis} of {name!r}", value)
            for axis, value in zip("xyz", position, strict=True)
        ]
        if 0 < sum(map(math.isnan, points[name])) < 3:
            raise InputError(
                f"{path} {place} has only some of x, y and z for {name!r}; write all three, or "
                "leave all three empty where it is missing."
            )
    return Landmarks(tuple(points), np.array(list(points.values()), float))


def _number(fault: str, value: Any) -> float:
    """A coordinate; one that is missing is NaN."""
    if value is None:
        return math.nan
    if not isinstance(value, float) or not math.isfinite(value):
        raise InputError(
            f"{fault}; write a number in millimetres, or leave it empty where it is missing."
        )
    return value


_READERS: dict[str, Callable[[Path], list[Row]]] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".mrk.json": read_json,
    ".fcsv": read_fcsv,
}
_WRITERS: dict[str, Callable[[Path, Sequence[Named]], None]] = {
    ".csv": write_csv,
    ".mrk.json": write_json,
    ".fcsv": write_fcsv,
}
ENDINGS = tuple(_WRITERS)
