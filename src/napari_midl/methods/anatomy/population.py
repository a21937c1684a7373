"""Semi-real mandibles: real meshes warped to the shapes of real people.

Few meshes of whole mandibles are free, but the landmarks of 60 people's half mandibles and
points on the cortex of 35 people's mandible bodies are. Each shape made here has the size and
the proportions of one of the 60, and the body of one of the 35; what lies between their
points, and the asymmetry, is not real.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import trimesh
from scipy.spatial import cKDTree

from napari_midl.engine.jobs import Progress
from napari_midl.errors import InputError
from napari_midl.methods.anatomy.alignment import (
    Points,
    generalised_procrustes,
    similarity,
    thin_plate,
)
from napari_midl.methods.anatomy.checks import in_order
from napari_midl.methods.anatomy.score import Surface
from napari_midl.methods.anatomy.shapes import Shape
from napari_midl.volumes.landmarks import Landmarks, read_landmarks
from napari_midl.volumes.meshes import Mesh, read_mesh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_midl.engine.jobs import Job
    from napari_midl.methods.anatomy.settings import ShapesSettings
    from napari_midl.methods.anatomy.template import Template

MIRROR = np.array([-1.0, 1.0, 1.0])
OTHER_NAMES = {
    "notch": "mandibular notch",
    "gonial angle": "angle",
    "ramus posterior concavity": "ramus posterior",
}
FINE_MM = 3.0
_MAIN = 5  # modes from which what is missing is filled
HERE = Path(__file__).parent / "templates" / "mandible"
# Where landmarks of the 60 lie, by the template's names; their table does not say.
SAME_PLACE = {
    3: "genial tubercle",
    5: "mental protuberance",
    11: "angle right",
    12: "condyle lateral right",
    14: "condyle medial right",
    15: "mandibular notch right",
    16: "coronoid peak right",
}
MIDLINE, BEHIND_THE_TEETH = slice(0, 5), slice(10, 21)
SECTIONS, OUTER, SECTION = 5, 59, 118
# Symphysis: chin and tubercle; first and last section: the crest at the molars.
ON_CHIN, ON_TUBERCLE, AT_MOLARS = (2, 38), (2, 20), ((0, 0, "left"), (4, 0, "right"))
AHEAD = np.array([0.0, 10.0, 0.0])
ASYMMETRY = 0.15


@dataclass(frozen=True)
class Source:
    """Where a real mesh comes from.

    Parameters
    ----------
    name : str
        What to call it.
    mesh, landmarks : Path
        Files in the folder of the sources; those of opensim_jaw.stl also come with the package.
    turn : ndarray, shape (3, 3)
        Takes its points ``p`` to millimetres in LPS: ``p @ turn``.
    """

    name: str
    mesh: Path
    landmarks: Path
    turn: Points


SOURCES = (
    Source("dynjaw", Path("artisynth_dynjaw.obj"), Path("landmarks_dynjaw.csv"), np.eye(3)),
    Source(
        "vkh",
        Path("artisynth_vkh.obj"),
        Path("landmarks_vkh.csv"),
        np.diag([-1.0, -1.0, 1.0]),
    ),
    # Metres, x forward, y up and z to the right.
    Source(
        "opensim",
        Path("opensim_jaw.stl"),
        Path("landmarks_opensim.csv"),
        1000.0 * np.array([[0.0, -1.0, 0.0], [0.0, 0.0, 1.0], [-1.0, 0.0, 0.0]]),
    ),
)


@dataclass(frozen=True)
class People:
    """Real configurations on the template mesh.

    Parameters
    ----------
    halves : ndarray, shape (60, 21, 3)
        Right half mandibles, rigidly on the mean, complete, mm.
    bodies : ndarray, shape (35, p, 3)
        Points of the outer cortex, by similarity on the mean, mm.
    half_at, other_half_at, body_at : ndarray of int, shape (21,), (21,), (p,)
        The vertices that they lie on: the half, the same mirrored to the other side, the body.
    """

    halves: Points
    bodies: Points
    half_at: NDArray[np.int64]
    other_half_at: NDArray[np.int64]
    body_at: NDArray[np.int64]


def real_meshes(folder: Path, template: Template) -> list[Shape]:
    """Real mandibles upright in LPS, their midline at x = 0, with landmarks that a person placed.

    Raises
    ------
    InputError
        If a mesh or a table of landmarks is missing or is not as it should be.
    """
    return [_real_mesh(folder, template, source) for source in SOURCES]


def _real_mesh(folder: Path, template: Template, source: Source) -> Shape:
    mesh = read_mesh(folder / source.mesh)
    path = folder / source.landmarks
    if not path.exists():
        path = HERE / source.landmarks
    given = read_landmarks(path)
    names = [_ours(name) for name in given.names]
    try:
        marks = in_order(Landmarks(tuple(names), given.points), template) @ source.turn
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    # Distances to a surface are quick and right where its triangles are small.
    vertices, faces = trimesh.remesh.subdivide_to_size(
        mesh.vertices @ source.turn, mesh.faces, FINE_MM
    )
    middle = (vertices.min(0) + vertices.max(0)) / 2
    corner = np.array([middle[0], vertices[:, 1].mean(), vertices[:, 2].min()])
    return Shape(source.name, Mesh(vertices - corner, faces.astype(np.int32)), marks - corner)


def _ours(name: str) -> str:
    """The template's name for that of a table."""
    plain = name.replace("_", " ")
    for theirs, ours in OTHER_NAMES.items():
        plain = re.sub(rf"^{theirs}\b", ours, plain)
    return plain


def real_people(folder: Path, shape: Shape, template: Template) -> People:
    """Read the people, align them and find where their points lie on a mesh.

    Raises
    ------
    InputError
        If a table is missing or is not as its README says.
    """
    halves, mean = generalised_procrustes(
        read_halves(folder / "zvejnieki_landmarks.csv"), scaled=False
    )
    rough = np.full_like(mean, np.nan)
    for number, name in SAME_PLACE.items():
        rough[number - 1] = shape.landmarks[template.index(name)]
    half = _settle(mean, rough, shape.mesh)
    upright = similarity(mean, half, scaled=False)
    placed = np.stack([upright(h) for h in _complete(halves)])
    placed[..., 0] -= placed[:, MIDLINE, 0].mean(1)[:, None]
    bodies, mean = generalised_procrustes(_read_bodies(folder / "corpus_semilandmarks.npz"))
    rough = np.full((SECTIONS, OUTER, 3), np.nan)
    rough[ON_CHIN] = shape.landmarks[template.index("mental protuberance")]
    rough[ON_TUBERCLE] = shape.landmarks[template.index("genial tubercle")]
    for section, point, side in AT_MOLARS:
        molar = shape.landmarks[template.index(f"retromolar fossa {side}")]
        rough[section, point] = molar - AHEAD
    body = _settle(mean, rough.reshape(-1, 3), shape.mesh)
    near = cKDTree(shape.mesh.vertices)
    return People(
        placed,
        np.stack([similarity(b, body)(b) for b in bodies]),
        near.query(half)[1],
        near.query(half * MIRROR)[1],
        near.query(body)[1],
    )


def semi_real(base: Shape, people: People, half: int, body: int, rng: np.random.Generator) -> Shape:
    """A mandible with the proportions of one person and the body of another.

    Parameters
    ----------
    base : Shape
        The mesh to warp, with the vertices of the one that the people were placed on.
    people : People
        Who there is.
    half, body : int
        Whose half mandible and whose body.
    rng : numpy.random.Generator
        Draws whose share of asymmetry it gets.
    """
    vertices = base.mesh.vertices
    halves_at = np.concatenate([people.half_at, people.other_half_at[MIDLINE.stop :]])
    still = vertices[
        np.concatenate([c[BEHIND_THE_TEETH] for c in (people.half_at, people.other_half_at)])
    ]
    cortex = vertices[people.body_at[::3]]
    moved = cortex + (people.bodies[body] - people.bodies.mean(0))[::3]
    fill = thin_plate(np.concatenate([cortex, still]), np.concatenate([moved, still]))
    right = people.halves[half]
    other = people.halves[rng.integers(len(people.halves))] - people.halves.mean(0)
    left = (right + ASYMMETRY * other)[MIDLINE.stop :] * MIRROR
    grow = thin_plate(vertices[halves_at], np.concatenate([right, left]))
    return Shape(
        f"{base.name}-half{half:02d}-body{body:02d}",
        Mesh(grow(fill(base.mesh.vertices)), base.mesh.faces),
        grow(fill(base.landmarks)),
        base.name,
    )


def make(
    bases: Sequence[Shape],
    people: People,
    settings: ShapesSettings,
    halves: Sequence[int] = (),
    bodies: Sequence[int] = (),
) -> Job[list[Shape]]:
    """Semi-real mandibles of chosen people.

    Parameters
    ----------
    bases : sequence of Shape
        Meshes in correspondence, warped in turn.
    people : People
        Who there is.
    settings : ShapesSettings
        How many.
    halves, bodies : sequence of int
        Whose halves and bodies to use; all where empty.

    Returns
    -------
    list of Shape
        Returned by the generator.
    """
    rng = np.random.default_rng(settings.seed)
    halves = halves or range(len(people.halves))
    bodies = bodies or range(len(people.bodies))
    shapes = []
    for k in range(settings.count):
        yield Progress(k, settings.count, "warping meshes to people")
        half, body = halves[k % len(halves)], bodies[int(rng.integers(len(bodies)))]
        shapes.append(semi_real(bases[k % len(bases)], people, half, body, rng))
    return shapes


def _settle(points: Points, rough: Points, mesh: Mesh) -> Points:
    """Fit points by similarity to the few that are known, then to the surface; end on it."""
    surface = Surface(mesh)
    placed = similarity(points, rough)(points)
    for _ in range(20):
        placed = similarity(points, surface.nearest(placed)[0])(points)
    return surface.nearest(placed)[0]


def _complete(sets: Points) -> Points:
    """Fill what is missing from the main modes of the sets, until it settles."""
    known = np.isfinite(sets)
    filled = np.where(known, sets, np.nanmean(sets, 0))
    for _ in range(50):
        mean = filled.mean(0)
        left, strength, right = np.linalg.svd(
            (filled - mean).reshape(len(sets), -1), full_matrices=False
        )
        likely = (left[:, :_MAIN] * strength[:_MAIN]) @ right[:_MAIN]
        filled = np.where(known, sets, mean + likely.reshape(sets.shape))
    return np.asarray(filled)


def read_halves(path: Path) -> Points:
    """The 21 landmarks of real half mandibles, ``(60, 21, 3)``, NaN where missing.

    Raises
    ------
    InputError
        If the table is missing or is not as its README says.
    """
    try:
        table = pd.read_csv(path)
        columns = ["x_mm", "y_mm", "z_mm"]
        sets = [g.sort_values("landmark")[columns] for _, g in table.groupby("specimen")]
        return np.stack([s.to_numpy(float) for s in sets])
    except (OSError, KeyError, ValueError):
        raise InputError(
            f"{path} is no table of half mandibles: it cannot be read, or lacks one of the columns "
            "specimen, landmark, x_mm, y_mm, z_mm, or a row; see docs/anatomy.md."
        ) from None


def _read_bodies(path: Path) -> Points:
    """Outer cortex of the five sections, ``(35, 295, 3)``."""
    try:
        with np.load(path, allow_pickle=False) as file:
            points = np.asarray(file["xyz_mm"], float)
    except (OSError, KeyError, ValueError):
        raise InputError(
            f"{path} does not hold the cortex points: it cannot be read, or lacks xyz_mm; see "
            "docs/anatomy.md."
        ) from None
    sections = points.reshape(len(points), SECTIONS, SECTION, 3)[:, :, :OUTER]
    return sections.reshape(len(points), -1, 3)
