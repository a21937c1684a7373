"""Landmarks that cannot be used, told before anything is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_midl.errors import InputError
from napari_midl.methods.anatomy.alignment import Points, similarity
from napari_midl.methods.anatomy.landmark_model import MIN_LANDMARKS
from napari_midl.methods.anatomy.naming import other_side
from napari_midl.volumes.landmarks import Landmarks, read_landmarks
from napari_midl.volumes.tables import refuse_cut

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from napari_midl.methods.anatomy.template import Template
    from napari_midl.volumes.space import Space

_FLAT, TOO_SMALL, TOO_LARGE = 0.02, 0.2, 5.0
# Millimetres in one of each are 1 over that: lengths in metres look a thousand times too small.
_UNITS = {"micrometres": 1000.0, "centimetres": 0.1, "inches": 1 / 25.4, "metres": 0.001}
_ABOUT = 1.6
_X, _Z = 0, 2
_ACROSS = 0.5  # how much of the way from right to left lies along an axis, at least


class SwappedSides(InputError):
    """Left and right are swapped, or the scan is mirrored."""


def in_order(landmarks: Landmarks, template: Template) -> Points:
    """Points ``(n, 3)`` in the template's order, NaN where missing.

    Raises
    ------
    InputError
        If landmarks are unknown, or one is given twice, by name and by number.
    """
    ordered = np.full((len(template.landmarks), 3), np.nan)
    given: dict[int, str] = {}
    places = template.indices(landmarks.names)
    for place, name, point in zip(places, landmarks.names, landmarks.points, strict=True):
        if place in given:
            raise InputError(
                f"{given[place]!r} and {name!r} are the same landmark; keep one of the two."
            )
        given[place] = name
        ordered[place] = point
    return ordered


def read_set(path: Path, template: Template) -> Landmarks:
    """Read a file of landmarks, which may name them by their number, as all of a template.

    Raises
    ------
    InputError
        If it cannot be read, or has a landmark that the template lacks, or one twice.
    """
    landmarks = read_landmarks(path)
    try:
        return Landmarks(template.names, in_order(landmarks, template))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def read_kept(path: Path, template: Template) -> Landmarks:
    """Read the landmarks that a project keeps.

    Raises
    ------
    InputError
        As `read_set`, or if the file is cut short.
    """
    refuse_cut(path)
    return read_set(path, template)


def unit_guessed(share: float) -> str:
    """In which unit lengths may be that should be mm, such as `` (metres?)``; empty if in none.

    Parameters
    ----------
    share : float
        How large they are, taken for mm, in terms of how large they should be.
    """
    for unit, expected in _UNITS.items():
        if 1 / _ABOUT < share / expected < _ABOUT:
            return f" ({unit}?)"
    return ""


def turned_over(landmarks: Landmarks, space: Space | None, mirrored: bool = False) -> bool:
    """Whether what is called left lies on the right of the patient, as RAS read for LPS does.

    Parameters
    ----------
    landmarks : Landmarks
        In mm of the world.
    space : Space, optional
        Of the scan; one that does not say how the patient lay tells nothing.
    mirrored : bool
        Whether they are said to come from a mirror image.
    """
    if mirrored or (space is not None and not space.anatomical):
        return False
    return bool(_from_right_to_left(landmarks.names, landmarks.points)[_X] < -_ACROSS)


def check_landmarks(placed: Points, mean: Points, template: Template) -> None:
    """Refuse landmarks that fit the shape in no way.

    Parameters
    ----------
    placed : ndarray, shape (n, 3)
        In the template's order, NaN where missing.
    mean : ndarray, shape (n, 3)
        The mean landmarks, mm.
    template : Template
        Names them.

    Raises
    ------
    InputError
        Fewer than four, all in a plane, twice the same place, or no millimetres.
    SwappedSides
        Mirrored.
    """
    known = np.isfinite(placed).all(1)
    names = np.array(template.names)[known]
    if known.sum() < MIN_LANDMARKS:
        raise InputError(
            f"{known.sum()} landmarks are placed; place {MIN_LANDMARKS} or more, not all in a "
            "plane."
        )
    points, expected = placed[known], mean[known]
    size = np.sqrt(((points - points.mean(0)) ** 2).sum(1).mean())
    usual = np.sqrt(((expected - expected.mean(0)) ** 2).sum(1).mean())
    if not TOO_SMALL < size / usual < TOO_LARGE:
        raise InputError(
            f"The landmarks span {_plainly(size / usual)} times the size of a {template.name}"
            f"{unit_guessed(size / usual)}; give millimetres."
        )
    apart = np.linalg.norm(points[:, None] - points[None], axis=-1) + np.eye(len(points)) * size
    if apart.min() < 1e-3:
        one, other = np.unravel_index(apart.argmin(), apart.shape)
        raise InputError(
            f"{names[one]!r} and {names[other]!r} lie at the same place; move one of them."
        )
    if _is_flat(expected) or _is_flat(points):
        raise InputError(f"{', '.join(names)} lie in a plane; place one outside of it.")
    straight = _misfit(points, expected, mirrored=False)
    mirrored = _misfit(points, expected, mirrored=True)
    if mirrored < 0.5 * straight:
        if abs(_from_right_to_left(names, points)[_Z]) > _ACROSS:
            raise SwappedSides(
                "The columns may be z, y, x, since right lies above or below left and all is "
                "mirrored; give x, y, z, or say that the scan is mirrored."
            )
        raise SwappedSides(
            "Left and right are swapped, or the scan is mirrored; swap the names of the two "
            "sides, or say that it is mirrored."
        )


def _from_right_to_left(names: Iterable[str], points: Points) -> Points:
    """Median direction ``(x, y, z)`` from landmarks on the right to their partners."""
    place = dict(zip(names, points, strict=True))
    pairs = [(n, other_side(n)) for n in place if "left" in n.casefold()]
    across = np.array([place[left] - place[right] for left, right in pairs if right in place])
    across = across[np.isfinite(across).all(1)] if len(across) else across
    if not len(across):
        return np.zeros(3)
    apart = np.linalg.norm(across, axis=1, keepdims=True)
    return np.asarray(np.median(across / np.maximum(apart, 1e-9), axis=0))


def _plainly(number: float) -> str:
    """Two digits of a number, without an exponent."""
    return np.format_float_positional(number, 2, fractional=False, trim="-")


def _is_flat(points: Points) -> bool:
    extent = np.linalg.svd(points - points.mean(0), compute_uv=False)
    return bool(extent[2] < _FLAT * extent[0])


def _misfit(points: Points, expected: Points, *, mirrored: bool) -> float:
    fitted = similarity(points, expected, mirrored=mirrored)(points)
    return float(np.sqrt(((fitted - expected) ** 2).sum(1).mean()))
