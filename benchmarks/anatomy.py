"""Shapes of people that no training saw, against what one would do without learning.

``people``: semi-real mandibles of people left out, a sixth of them at a time. ``cortex``: points
on the real cortex of people left out, from the fifteen outer anchors of their sections.
``morph``: between two people. ``speed``. The others leave real meshes out; see
`benchmarks.anatomy_unseen` and `benchmarks.anatomy_fit`. Shared data are only read.
"""

from __future__ import annotations

import argparse
import itertools
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import anatomy_fit, anatomy_unseen, report
from napari_midl.engine.jobs import run
from napari_midl.methods.anatomy import learn, population
from napari_midl.methods.anatomy.alignment import generalised_procrustes, similarity, thin_plate
from napari_midl.methods.anatomy.apply import Anatomy
from napari_midl.methods.anatomy.models import named_model
from napari_midl.methods.anatomy.morphing import morph
from napari_midl.methods.anatomy.registration import in_correspondence
from napari_midl.methods.anatomy.score import Surface, between
from napari_midl.methods.anatomy.settings import GenerateSettings, ShapesSettings, TrainSettings
from napari_midl.methods.anatomy.shape_model import ShapeModel
from napari_midl.methods.anatomy.template import load_template
from napari_midl.volumes.landmarks import Landmarks
from napari_midl.volumes.meshes import Mesh

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.methods.anatomy.shapes import Shape

FOLDS, TRAINED_ON, TESTED_ON = 6, 240, 10
TRAINING = TrainSettings(modes=32, steps=1500, minutes=60)
TEMPLATE = load_template("mandible")
LINEAR = GenerateSettings(method="linear")


@cache
def _real(data: Path) -> tuple[list[Shape], list[Shape], population.People]:
    meshes = population.real_meshes(data, TEMPLATE)
    bases = run(in_correspondence(meshes))
    return meshes, bases, population.real_people(data, bases[0], TEMPLATE)


@cache
def _fold(data: Path, fold: int) -> tuple[list[Shape], Anatomy, list[Shape]]:
    """Shapes of five sixths of the people, a model trained on them, and shapes of the others."""
    _, bases, people = _real(data)
    halves, bodies = np.arange(len(people.halves)), np.arange(len(people.bodies))

    def shapes(count: int, left_out: bool) -> list[Shape]:
        return run(
            population.make(
                bases,
                people,
                ShapesSettings(count=count, seed=2 * fold + left_out),
                halves[(halves % FOLDS == fold) == left_out].tolist(),
                bodies[(bodies % FOLDS == fold) == left_out].tolist(),
            )
        )

    seen = shapes(TRAINED_ON, False)
    model = run(learn.train([*bases, *seen], TEMPLATE, TRAINING))
    return seen, Anatomy(model), shapes(TESTED_ON, True)


def people(data: Path) -> list[dict[str, Any]]:
    """Surface distances of left-out semi-real people, and L2S."""
    scores: dict[str, list[list[float]]] = {}
    groups: dict[str, list[float]] = {}
    for fold in range(FOLDS):
        seen, anatomy, unseen = _fold(data, fold)
        for truth in unseen:
            marks = Landmarks(TEMPLATE.names, truth.landmarks)
            learnt = anatomy.generate(marks, GenerateSettings(method="learnt"))
            for info, distance in zip(TEMPLATE.landmarks, learnt.to_surface, strict=True):
                groups.setdefault(info.group, []).append(float(distance))
            guesses = {
                **_baselines(seen, anatomy, truth),
                "linear model (ours)": anatomy.generate(marks, LINEAR).mesh,
                "learnt (ours)": learnt.mesh,
                "warped (ours)": anatomy.generate(marks).mesh,
            }
            for name, guess in guesses.items():
                found = between(guess, truth.mesh)
                to_surface = Surface(guess).distance(truth.landmarks)
                scores.setdefault(name, []).append(
                    [found.mean, found.hausdorff95, to_surface.mean()]
                )
    rows = [
        {"from landmarks": name, "SMD mm": a, "HD95 mm": b, "L2S mm": c}
        for name, values in scores.items()
        for a, b, c in [np.mean(values, 0).tolist()]
    ]
    print("L2S of the learnt model by group, mean and worst, mm")
    for group, values in groups.items():
        print(f"  {group}: {np.mean(values):.3f}, {np.max(values):.3f}")
    return rows


def _baselines(seen: list[Shape], anatomy: Anatomy, truth: Shape) -> dict[str, Mesh]:
    model, faces = anatomy.shapes, anatomy.faces
    to_mean = similarity(truth.landmarks, model.mean_landmarks)
    rigid = similarity(truth.landmarks, model.mean_landmarks, scaled=False)
    nearest = min(seen, key=lambda shape: _misfit(shape, truth))
    onto = similarity(nearest.landmarks, truth.landmarks)
    warp = thin_plate(nearest.landmarks, truth.landmarks)
    moved, surfaces = learn.aligned(seen, TEMPLATE)
    placed = to_mean(truth.landmarks)
    regressed = to_mean.back(_regression(moved, surfaces)(placed))
    return {
        "mean shape": Mesh(rigid.back(model.mean_surface), faces),
        "mean shape, by similarity": Mesh(to_mean.back(model.mean_surface), faces),
        "nearest shape, by similarity": Mesh(onto(nearest.mesh.vertices), faces),
        "nearest shape, thin plate": Mesh(warp(nearest.mesh.vertices), faces),
        "linear regression on modes": Mesh(regressed, faces),
    }


def _misfit(shape: Shape, truth: Shape) -> float:
    fitted = similarity(shape.landmarks, truth.landmarks)(shape.landmarks)
    return float(((fitted - truth.landmarks) ** 2).sum())


def _regression(landmarks: NDArray[Any], surfaces: NDArray[Any]) -> Any:
    """Least squares from landmarks to the scores of 32 principal modes."""
    mean, mean_surface = landmarks.mean(0), surfaces.mean(0)
    centred = (surfaces - mean_surface).reshape(len(surfaces), -1)
    _, left = np.linalg.eigh(centred @ centred.T)
    left = left[:, ::-1][:, : TRAINING.modes]
    inputs = (landmarks - mean).reshape(len(landmarks), -1)
    weights = np.linalg.lstsq(inputs, left, rcond=None)[0]
    modes = left.T @ centred
    return lambda placed: mean_surface + ((placed - mean).ravel() @ weights @ modes).reshape(-1, 3)


def cortex(data: Path) -> list[dict[str, Any]]:
    """Real cortex points of left-out people, from the anchors of their sections alone."""
    _, bases, people = _real(data)
    anchors = np.array(
        [s * population.OUTER + p for s in range(population.SECTIONS) for p in (0, 29, 58)]
    )
    rest = np.setdiff1d(np.arange(people.bodies.shape[1]), anchors)
    errors: dict[str, list[float]] = {"thin plate of the template": [], "shape model (ours)": []}
    base = bases[0]
    on_mesh = base.mesh.vertices[people.body_at]
    for left_out in range(len(people.bodies)):
        others = np.delete(people.bodies, left_out, 0)
        aligned, _ = generalised_procrustes(others)
        surfaces = np.stack(
            [thin_plate(on_mesh[::2], body[::2])(base.mesh.vertices) for body in aligned]
        )
        model = ShapeModel.fit(aligned[:, anchors], surfaces, 24)
        person = people.bodies[left_out]
        to_model = similarity(person[anchors], model.mean_landmarks)
        placed = to_model(person[anchors])
        posterior = model.given(placed)
        surface = thin_plate(model.landmarks(posterior)[0], placed)(model.surface(posterior.mean))
        ours = Mesh(to_model.back(surface), base.mesh.faces)
        plain = thin_plate(on_mesh[anchors], person[anchors])(base.mesh.vertices)
        for name, mesh in zip(errors, (Mesh(plain, base.mesh.faces), ours), strict=True):
            errors[name].append(float(Surface(mesh).distance(person[rest]).mean()))
    return [{"method": k, "point to surface mm": float(np.mean(v))} for k, v in errors.items()]


def morphing(data: Path) -> list[dict[str, Any]]:
    """Fifty steps between two people: the largest step over the median one, and pieces."""
    import trimesh

    _, anatomy, unseen = _fold(data, 0)
    ends = [Landmarks(TEMPLATE.names, shape.landmarks) for shape in unseen[:2]]
    made = [anatomy.generate(morph(*ends, share)).mesh for share in np.linspace(0, 1, 51)]
    volumes = np.abs(np.diff([mesh.volume for mesh in made]))
    steps = [between(a, b, 2000).mean for a, b in itertools.pairwise(made)]
    pieces = max(trimesh.Trimesh(m.vertices, m.faces, process=False).body_count for m in made)
    return [
        {
            "largest / median step of volume": volumes.max() / np.median(volumes),
            "largest / median step of surface": max(steps) / float(np.median(steps)),
            "pieces": pieces,
        }
    ]


def speed(data: Path) -> list[dict[str, Any]]:
    """Milliseconds from landmarks to mesh with the shipped model."""
    anatomy = Anatomy(named_model("base"))
    real, _, _ = _real(data)
    marks = Landmarks(TEMPLATE.names, real[0].landmarks)
    seconds = []
    for _ in range(20):
        started = time.perf_counter()
        anatomy.generate(marks)
        seconds.append(time.perf_counter() - started)
    return [{"median ms": 1e3 * float(np.median(seconds)), "vertices": len(anatomy.faces) // 2 + 2}]


PARTS = {
    "meshes": anatomy_unseen.meshes,
    "single": anatomy_unseen.single,
    "coverage": anatomy_unseen.coverage,
    "alarms": anatomy_unseen.alarms,
    "fit": anatomy_fit.fits,
    "halves": anatomy_unseen.halves,
    "people": people,
    "cortex": cortex,
    "morph": morphing,
    "speed": speed,
}


def main(arguments: list[str]) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks anatomy", description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=", ".join([*PARTS, "paper"]))
    parser.add_argument(
        "--minutes", type=float, default=8.0, help="training of the paper's network"
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data/anatomy"))
    options = parser.parse_args(arguments)
    for part in options.parts:
        if part == "paper":
            rows = anatomy_unseen.paper(options.data, options.minutes)
        else:
            rows = PARTS[part](options.data)
        report.write(f"anatomy-{part}", rows)
        print(f"\n{part}\n\n" + report.markdown(rows), flush=True)
