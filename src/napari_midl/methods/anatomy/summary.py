"""What a person should know about a generated shape: a table, and a few sentences."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_midl.methods.anatomy.landmark_model import MIN_LANDMARKS
from napari_midl.methods.anatomy.overlap import outside
from napari_midl.methods.anatomy.words import share_in_words, turned_in_words
from napari_midl.volumes.units import length_in_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.methods.anatomy.apply import Generated
    from napari_midl.methods.anatomy.template import Template
    from napari_midl.volumes.landmarks import Landmarks
    from napari_midl.volumes.volume import Volume

PLACED, EXPECTED, MISSING = "●", "○", ""
_UNSURE_MM = 3.0
_RED, GREY, _BLUE = "#ff5a4d", "#8f98a6", "#3d9be9"
_NAMED = 4


def landmark_overview(
    template: Template, landmarks: Landmarks, generated: Generated | None
) -> pd.DataFrame:
    """A row for each landmark: its number, name, state, distance, doubt and place, rounded.

    Parameters
    ----------
    template : Template
        Numbers them.
    landmarks : Landmarks
        Those of the template, in its order.
    generated : Generated, optional
        The shape that was made of them.
    """
    placed, points = landmarks.placed, landmarks.points
    states = np.where(placed, PLACED, MISSING)
    to_surface = doubt = np.full(len(placed), np.nan)
    if generated is not None:
        points = np.where(placed[:, None], points, generated.landmarks.points)
        states = np.where(placed, PLACED, EXPECTED)
        doubt, to_surface = generated.doubt, generated.to_surface
    columns: dict[str, Any] = {
        "#": [item.number for item in template.landmarks],
        "landmark": list(template.names),
        "": states.tolist(),
        "L2S (mm)": _rounded(to_surface, 2),
        "doubt": _rounded(doubt, 1),
    }
    columns |= {f"{axis} (mm)": _rounded(points[:, i], 1) for i, axis in enumerate("xyz")}
    return pd.DataFrame(columns)


def next_in_words(template: Template, landmarks: Landmarks, current: int, clicked: bool) -> str:
    """The landmark that is next, as rich text.

    Parameters
    ----------
    template : Template
        Describes it.
    landmarks : Landmarks
        Those of the template, in its order.
    current : int
        Its place among them.
    clicked : bool
        Whether a click places it.
    """
    item, placed = template.landmarks[current], landmarks.placed
    if clicked:
        state = "placed; a click moves it" if placed[current] else "a click places it"
    else:
        state = "placed" if placed[current] else "not placed"
    return (
        f"<b>{item.number}. {item.name}</b> ({state})<br>{item.description}<br>"
        f"<span style='color:{GREY}'>{int(placed.sum())} of {len(placed)} placed</span>"
    )


def mesh_in_words(
    generated: Generated, volume: float, inside: float = 1.0, turned: bool = False
) -> str:
    """What a person should know about a mesh, as rich text.

    Parameters
    ----------
    generated : Generated
        The mesh and its landmarks.
    volume : float
        What it encloses, in cubic mm.
    inside : float
        Share of that which lies in the scan.
    turned : bool
        Whether what is called left lies on the right.
    """
    words = [f"<b style='color:{_RED}'>{said}</b>" for said in turned_in_words(turned)]
    if inside < 1:
        share = share_in_words(inside) if inside else "None"
        words.append(f"<b style='color:{_RED}'>{share} of it lies in the scan.</b>")
    if misplaced := misplaced_landmarks(generated):
        words.append(f"<b style='color:{_RED}'>Not where the others expect it:</b> {misplaced}.")
    if unsure := unsure_landmarks(generated):
        words.append(f"Not placed and hard to guess: {unsure}.")
    words.append(sizes_in_words(generated, volume))
    return "<br>".join(words)


def still_to_place(landmarks: Landmarks) -> str:
    """How many landmarks a mesh still needs, in a sentence; empty if none."""
    missing = MIN_LANDMARKS - int(landmarks.placed.sum())
    if missing <= 0:
        return ""
    return f"Place {missing} more landmark{'s' if missing > 1 else ''} to see a mesh."


def misplaced_landmarks(generated: Generated) -> str:
    """The landmarks to look at again, as links, and their doubt; empty if there are none."""
    names = generated.landmarks.names
    return ", ".join(
        f"{_link(name)} ({generated.doubt[names.index(name)]:.1f} s.d.)"
        for name in generated.misplaced
    )


def unsure_landmarks(generated: Generated) -> str:
    """The missing landmarks that are hardest to guess, as links, and their spread."""
    spread, names = generated.spread, generated.landmarks.names
    unsure = [
        f"{_link(names[i])} (±{spread[i]:.1f} mm)"
        for i in np.argsort(-spread)
        if spread[i] > _UNSURE_MM
    ]
    return ", ".join(unsure[:_NAMED])


def sizes_in_words(generated: Generated, volume: float) -> str:
    """The volume, given in cubic mm, and how far the landmarks lie from the surface."""
    distance = generated.to_surface[np.isfinite(generated.to_surface)]
    size = f"{volume / 1000:.1f} cm³" if volume >= 1000 else f"{volume:.3g} mm³"
    apart = length_in_words(float(f"{distance.mean():.2g}"), "millimeter")
    return f"Volume {size}; landmarks {apart} from the surface on average."


def distance_in_words(values: NDArray[np.floating], what: str) -> str:
    """How far a surface lies from another one: the mean, and what 95 % of it do not pass.

    Parameters
    ----------
    values : ndarray, shape (V,)
        Distance of each vertex, in mm.
    what : str
        Such as ``distance to the threshold``.
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return f"{what}: not known."
    most = np.percentile(known, 95)
    return f"{what}: {known.mean():.2f} mm on average, 95 % within {most:.2f} mm."


def outside_in_words(landmarks: Landmarks, scan: Volume) -> str:
    """How many landmarks lie outside a scan, as those of another scan do; empty if none."""
    placed = landmarks.points[landmarks.placed]
    beside = outside(placed, scan)
    if not beside:
        return ""
    wanted = (
        f"{scan.name} does not say where it lies, so that they count from the middle of its first "
        "voxel"
        if scan.space.origin is None
        else "give those that were placed on it, in mm of the world (LPS)"
    )
    return f"{beside} of {len(placed)} landmarks lie outside {scan.name}; {wanted}."


def _link(name: str) -> str:
    """A name that can be clicked; Qt's own blue cannot be read on a dark window."""
    return f"<a href='{escape(name)}' style='color:{_BLUE}'>{escape(name)}</a>"


def _rounded(values: NDArray[np.float64], digits: int) -> list[Any]:
    """Rounded, and empty where there is none."""
    return [round(float(value), digits) if np.isfinite(value) else "" for value in values]
