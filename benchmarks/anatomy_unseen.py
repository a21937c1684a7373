"""Mandibles that no training saw: each real mesh is left out, and all that was warped from it.

``meshes``: the generators against a thin-plate warp of each single mesh. ``single``: the same from
one mesh alone. ``coverage``: how often 90 % intervals of missing landmarks and of the surface
hold. ``alarms``: landmarks moved by 10 mm, and undisturbed sets. ``halves``: one landmark removed
from real half mandibles. ``paper``: the paper's voxel network.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.engine.jobs import run
from napari_midl.errors import InputError
from napari_midl.methods.anatomy import learn, population
from napari_midl.methods.anatomy.alignment import similarity, thin_plate
from napari_midl.methods.anatomy.apply import Anatomy
from napari_midl.methods.anatomy.asking import asking_order
from napari_midl.methods.anatomy.registration import in_correspondence
from napari_midl.methods.anatomy.score import Surface, between, crossing
from napari_midl.methods.anatomy.settings import GenerateSettings, ShapesSettings, TrainSettings
from napari_midl.methods.anatomy.template import load_template
from napari_midl.volumes.grids import mask
from napari_midl.volumes.landmarks import Landmarks
from napari_midl.volumes.meshes import MM, Mesh
from napari_midl.volumes.space import Space

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.methods.anatomy.shapes import Shape

WARPED_SHAPES, STEPS = 90, 600
NINE_IN_TEN = 1.645
MOVED_MM, MOVES = 10.0, 4
COUNTS, SETS = (4, 8, 16, 23), 20
TEMPLATE = load_template("mandible")


@cache
def real(data: Path) -> tuple[list[Shape], list[Shape]]:
    """The real meshes, and the same in correspondence, with all landmarks."""
    meshes = population.real_meshes(data, TEMPLATE)
    return meshes, run(in_correspondence(meshes))


def shapes_of(
    data: Path,
    names: Sequence[str],
    count: int = WARPED_SHAPES,
    seed: int = 0,
    people: slice = slice(None),
) -> list[Shape]:
    """Some real meshes, and shapes that were warped from them."""
    bases = [shape for shape in real(data)[1] if shape.name in names]
    found = population.real_people(data, bases[0], TEMPLATE)
    settings = ShapesSettings(count=count, seed=seed)
    halves, bodies = (range(len(s))[people] for s in (found.halves, found.bodies))
    return [*bases, *run(population.make(bases, found, settings, halves, bodies))]


@cache
def without(data: Path, name: str) -> Anatomy:
    """A model of all real meshes but one."""
    names = [shape.name for shape in real(data)[1] if shape.name != name]
    shapes = shapes_of(data, names)
    return Anatomy(run(learn.train(shapes, TEMPLATE, TrainSettings(steps=STEPS, minutes=60))))


def meshes(data: Path) -> list[dict[str, Any]]:
    """Each real mesh from its landmarks, by what was made of the other ones."""
    rows = []
    for true, base in zip(*real(data), strict=True):
        marks = Landmarks(TEMPLATE.names, base.landmarks)
        for other in real(data)[1]:
            if other.name != base.name:
                rows += _plain(other, base, true)
        rows += _generated(without(data, base.name), marks, true)
    return rows


def single(data: Path) -> list[dict[str, Any]]:
    """Each real mesh from its landmarks, by what was made of one other alone."""
    rows = []
    for other in real(data)[1][:2]:
        shapes = shapes_of(data, [other.name])
        anatomy = Anatomy(run(learn.train(shapes, TEMPLATE, TrainSettings(steps=20))))
        for true, base in zip(*real(data), strict=True):
            if base.name != other.name:
                rows += _plain(other, base, true)
                made = anatomy.generate(Landmarks(TEMPLATE.names, base.landmarks)).mesh
                rows.append(_row(true, f"warped, of {other.name} alone (ours)", made))
    return rows


def _plain(other: Shape, base: Shape, true: Shape) -> list[dict[str, Any]]:
    rows = []
    for kernel, smooth in (("r", False), ("r² log r", True)):
        warp = thin_plate(other.landmarks, base.landmarks, smooth=smooth)
        made = Mesh(warp(other.mesh.vertices), other.mesh.faces)
        rows.append(_row(true, f"thin plate {kernel} of {other.name}", made))
    return rows


def _generated(anatomy: Anatomy, marks: Landmarks, true: Shape) -> list[dict[str, Any]]:
    ways = {
        "warped (ours)": GenerateSettings(),
        "linear": GenerateSettings(method="linear"),
        "learnt": GenerateSettings(method="learnt"),
    }
    return [_row(true, name, anatomy.generate(marks, how).mesh) for name, how in ways.items()]


def _row(true: Shape, method: str, made: Mesh) -> dict[str, Any]:
    found = between(made, true.mesh)
    return {
        "mesh": true.name,
        "method": method,
        "SMD mm": found.mean,
        "HD95 mm": found.hausdorff95,
        "Dice": _dice(made, true.mesh) if true.mesh.closed else "not closed",
        "faces that cross": len(crossing(made)),
    }


def _dice(one: Mesh, other: Mesh) -> float:
    corner = np.minimum(one.vertices.min(0), other.vertices.min(0)) - 1
    far = np.maximum(one.vertices.max(0), other.vertices.max(0)) + 1
    shape = tuple(np.ceil(far - corner).astype(int)[::-1].tolist())
    space = Space.of((1.0, 1.0, 1.0), MM, corner.tolist())
    a, b = (mask(mesh, shape, space) > 0 for mesh in (one, other))
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def coverage(data: Path) -> list[dict[str, Any]]:
    """Shares of the coordinates of missing landmarks, and of the surface, in 90 % intervals."""
    rng = np.random.default_rng(1)
    rows = []
    for count in COUNTS:
        held: dict[str, list[float]] = {}
        for base in real(data)[1]:
            anatomy = without(data, base.name)
            asked = np.array(asking_order(anatomy.landmarks.mean)[:count])
            for known in [asked, *_spread_sets(anatomy, count, rng)]:
                _count_held(held, anatomy, base, known)
        rows.append({"placed": count} | {name: float(np.mean(v)) for name, v in held.items()})
    return rows


def _spread_sets(anatomy: Anatomy, count: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Random sets of landmarks that do not lie nearly in a plane."""
    found: list[NDArray[np.int64]] = []
    while len(found) < SETS:
        chosen = rng.permutation(len(anatomy.landmarks.mean))[:count]
        points = anatomy.landmarks.mean[chosen]
        if np.linalg.svd(points - points.mean(0))[1][2] > 15:
            found.append(chosen)
    return found


def _count_held(
    held: dict[str, list[float]], anatomy: Anatomy, base: Shape, known: NDArray[np.int64]
) -> None:
    points = np.full_like(base.landmarks, np.nan)
    points[known] = base.landmarks[known]
    made = anatomy.generate(Landmarks(TEMPLATE.names, points))
    missing = np.setdiff1d(np.arange(len(points)), known)
    errors = (made.landmarks.points - base.landmarks)[missing]
    spread = made.spread[missing, None]
    away = Surface(base.mesh).distance(made.mesh.vertices[::20])
    for name, value in {
        "coordinates in 90 %": (np.abs(errors) < NINE_IN_TEN * spread).mean(),
        "error mm": np.linalg.norm(errors, axis=1).mean(),
        "stated mm": (np.sqrt(3) * spread).mean(),
        "surface in 90 %": (away < NINE_IN_TEN * made.uncertainty[::20]).mean(),
        "surface off mm": away.mean(),
        "surface stated mm": made.uncertainty.mean(),
    }.items():
        held.setdefault(name, []).append(float(value))


def alarms(data: Path) -> list[dict[str, Any]]:
    """Landmarks moved by 10 mm that are named first, and names in undisturbed sets."""
    rng = np.random.default_rng(2)
    rows = []
    for base in real(data)[1]:
        model = without(data, base.name).landmarks
        named, first, trials = 0, 0, 0
        for i in range(len(base.landmarks)):
            for _ in range(MOVES):
                way = rng.normal(size=3)
                moved = base.landmarks.copy()
                moved[i] += MOVED_MM * way / np.linalg.norm(way)
                found = model.misplaced(moved)
                named += i in found
                first += found[:1] == [i]
                trials += 1
        quiet = [TEMPLATE.names[i] for i in model.misplaced(base.landmarks)]
        rows.append(
            {
                "set": base.name,
                "moved 10 mm and named": named / trials,
                "named first": first / trials,
                "named undisturbed": ", ".join(quiet) or "none",
                "highest doubt": float(model.doubt(base.landmarks).max()),
            }
        )
    return rows


def halves(data: Path) -> list[dict[str, Any]]:
    """One landmark removed from real half mandibles, against the mean person by similarity.

    The mean person is of that study, and so knows how it places each landmark; ours does not. What
    the errors of the other people have in common is therefore taken off in a column of its own.
    """
    anatomy = Anatomy(
        run(
            learn.train(
                shapes_of(data, ["dynjaw", "vkh", "opensim"]), TEMPLATE, TrainSettings(steps=20)
            )
        )
    )
    sets = population.read_halves(data / "zvejnieki_landmarks.csv")
    names = {TEMPLATE.index(name): number - 1 for number, name in population.SAME_PLACE.items()}
    ours, theirs = np.array(list(names)), np.array(list(names.values()))
    rows = []
    for place in range(len(ours)):
        errors: dict[str, list[float]] = {"mean person by similarity": [], "warped (ours)": []}
        stated, ways = [], []
        for k, person in enumerate(sets[:, theirs]):
            known = np.isfinite(person).all(1)
            if not known[place] or known.sum() < 6:
                continue
            given = person.copy()
            given[place] = np.nan
            mean = np.nanmean(_laid(np.delete(sets[:, theirs], k, 0)), axis=0)
            guess = similarity(mean, given)(mean)[place]
            errors["mean person by similarity"].append(float(np.linalg.norm(guess - person[place])))
            points = np.full((len(TEMPLATE.names), 3), np.nan)
            points[ours] = given
            expected = anatomy.landmarks.given(points)
            found = expected.to_model.back(expected.points)[ours[place]]
            ways.append((found - person[place]) @ expected.to_model.rotation)
            errors["warped (ours)"].append(float(np.linalg.norm(found - person[place])))
            stated.append(
                (np.abs(found - person[place]) < NINE_IN_TEN * expected.spread[ours[place]]).mean()
            )
        name = TEMPLATE.names[ours[place]]
        row: dict[str, Any] = {"removed": name, "people": len(stated)}
        row |= {f"{way} mm": float(np.mean(e)) for way, e in errors.items()}
        row["ours, placed as in that study mm"] = _beyond_shared(np.asarray(ways))
        rows.append(row | {"coordinates in 90 %": float(np.mean(stated))})
    return rows


def _beyond_shared(errors: NDArray[np.float64]) -> float:
    """Mean length of errors ``(m, 3)``, each less the mean of the others."""
    others = (errors.sum(0) - errors) / (len(errors) - 1)
    return float(np.linalg.norm(errors - others, axis=1).mean())


def _laid(sets: NDArray[Any]) -> NDArray[Any]:
    from napari_midl.methods.anatomy.alignment import generalised_procrustes

    return generalised_procrustes(sets)[0]


def paper(data: Path, minutes: float) -> list[dict[str, Any]]:
    """The paper's network, made of warps of all meshes but vkh and five sixths of the people."""
    left_out = slice(5, None, 6)
    unseen = shapes_of(data, ["dynjaw", "opensim"], 10, seed=1, people=left_out)[2:]
    seen = shapes_of(data, ["dynjaw", "opensim"], 120)
    seen = [shape for shape in seen if not _of_people(shape, left_out)]
    how = TrainSettings(
        preset="paper", steps=0, minutes=minutes, learning_rate=1e-3, half_life=3000
    )
    print(f"training on {len(seen)} shapes", flush=True)
    model = run(learn.train(seen, TEMPLATE, how))
    print(
        f"trained for {model.card['steps']} steps, spread {model.card['spread_ratio']:.2f}",
        flush=True,
    )
    network, steps = Anatomy(model), model.card["steps"]
    true, base = next((t, b) for t, b in zip(*real(data), strict=True) if t.name == "vkh")
    ways = {
        "paper's voxels": GenerateSettings(method="learnt", through=False),
        "paper's voxels, through": GenerateSettings(method="learnt"),
        "warped (ours)": GenerateSettings(),
        "linear": GenerateSettings(method="linear"),
    }
    rows = []
    for name, way in ways.items():
        rows.append(_scored(network, name, way, [(true, base.landmarks)], true.name))
        print(rows[-1], flush=True)
    people = [(person, person.landmarks) for person in unseen]
    for name, way in ways.items():
        rows.append(_scored(network, name, way, people, f"{len(unseen)} people left out"))
        print(rows[-1], flush=True)
    return [row | {"steps": steps, "seen shapes": len(seen)} for row in rows]


def _scored(
    anatomy: Anatomy,
    name: str,
    way: GenerateSettings,
    cases: Sequence[tuple[Shape, NDArray[np.float64]]],
    what: str,
) -> dict[str, Any]:
    """Means over shapes; the paper's own measures."""
    scores = []
    for true, points in cases:
        try:
            made = anatomy.generate(Landmarks(TEMPLATE.names, points), way)
        except InputError:
            return {"mesh": what, "method": f"{name}: an empty shape"}
        found, dice = between(made.mesh, true.mesh), _dice(made.mesh, true.mesh)
        scores.append([found.mean, found.hausdorff95, dice, float(np.nanmean(made.to_surface))])
    smd, hausdorff, dice, l2s = np.mean(scores, 0).tolist()
    return {
        "mesh": what,
        "method": name,
        "SMD mm": smd,
        "HD95 mm": hausdorff,
        "Dice": dice,
        "L2S mm": l2s,
    }


def _of_people(shape: Shape, left_out: slice) -> bool:
    """Whether a warped shape is of a half or a body that is left out."""
    if not shape.warped_from:
        return False
    half, body = (int(part[4:]) for part in shape.name.split("-")[1:3])
    return half in range(60)[left_out] or body in range(35)[left_out]
