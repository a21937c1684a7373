"""Real meshes warped and joined; surfaces that cross themselves; a part taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import trimesh
from trimesh.triangles import closest_point

from napari_midl.engine.jobs import run
from napari_midl.errors import InputError
from napari_midl.methods.anatomy.apply import Anatomy, generate
from napari_midl.methods.anatomy.healing import healed
from napari_midl.methods.anatomy.learn import train
from napari_midl.methods.anatomy.models import named_model
from napari_midl.methods.anatomy.score import Surface, between, crossing
from napari_midl.methods.anatomy.settings import GenerateSettings, TrainSettings
from napari_midl.methods.anatomy.shape_model import ShapeModel
from napari_midl.methods.anatomy.shapes import Shape
from napari_midl.methods.anatomy.untangling import last_untangled, untangled
from napari_midl.methods.anatomy.warps import Warps, spread_of
from napari_midl.volumes.landmarks import Landmarks
from napari_midl.volumes.meshes import Mesh

if TYPE_CHECKING:
    from napari_midl.methods.anatomy.template import Template


def ball(radius: float = 10.0, subdivisions: int = 3) -> Mesh:
    made = trimesh.creation.icosphere(subdivisions, radius)
    return Mesh(np.asarray(made.vertices), made.faces.astype(np.int32))


def warps_of(eggs: list[Shape], people: list[Shape]) -> Warps:
    def stacked(some: list[Shape]) -> list[np.ndarray]:
        return [np.stack([e.landmarks for e in some]), np.stack([e.mesh.vertices for e in some])]

    return Warps(*reversed(stacked(eggs)), ShapeModel.fit(*stacked(people)))


def test_warps_pass_through_the_landmarks_and_favour_what_fits(eggs: list[Shape]) -> None:
    near, far = eggs[0], eggs[3]
    marks = near.landmarks + 0.1
    warps = warps_of([near, far], people=eggs[4:])
    shares = warps.shares(marks)
    assert shares.sum() == pytest.approx(1)
    assert shares[0] > 0.9
    pull = warps.pull(marks)
    # Where a landmark is a vertex, that goes to its place.
    at = np.linalg.norm(near.mesh.vertices - near.landmarks[4], axis=1).argmin()
    np.testing.assert_allclose(warps(marks)[at], marks[4], atol=0.05)
    free = np.zeros((len(marks) * 3,) * 2)
    free[12:15, 12:15] = 4 * np.eye(3)
    assert spread_of(pull, free)[at] == pytest.approx(2.0, abs=0.05)


def test_how_people_differ_helps_where_landmarks_are_far(eggs: list[Shape]) -> None:
    def bent(egg: Shape, much: float) -> Shape:
        surface, marks = (
            points + much * np.array([0, 0, 1]) * (points[:, :1] / 30) ** 2
            for points in (egg.mesh.vertices, egg.landmarks)
        )
        return Shape("bent", Mesh(surface, egg.mesh.faces), marks)

    bends = np.random.default_rng(1).normal(0, 8, len(eggs))
    all_bent = [bent(egg, much) for egg, much in zip(eggs, bends, strict=True)]
    seen, people, unseen = all_bent[:2], all_bent[2:20], all_bent[20:]

    def error(people: list[Shape]) -> float:
        warps = warps_of(seen, people)
        off = [warps(egg.landmarks) - egg.mesh.vertices for egg in unseen]
        return float(np.abs(off).mean())

    nobody = people[:1]
    assert error(people) < 0.9 * error(nobody)


def test_one_real_shape_and_warps_of_it_are_enough(eggs: list[Shape], egg: Template) -> None:
    first = eggs[0]
    warped = [Shape(f"egg-{k}", s.mesh, s.landmarks, first.origin) for k, s in enumerate(eggs[1:6])]
    anatomy = Anatomy(run(train([first, *warped], egg, TrainSettings(steps=2, modes=3))))
    assert anatomy.generator.meshes == 2  # it and its mirror image
    made = anatomy.generate(Landmarks(egg.names, eggs[10].landmarks))
    assert between(made.mesh, eggs[10].mesh, 2000).mean < 0.5


def test_no_triangle_is_nearer_than_the_one_that_is_found() -> None:
    mesh = ball()
    rng = np.random.default_rng(0)
    points = mesh.vertices[::7] * rng.uniform(0.8, 1.5, (len(mesh.vertices[::7]), 1))
    surface = Surface(mesh)
    found, triangle = surface.nearest(points)
    count = len(surface.triangles)
    every = closest_point(np.tile(surface.triangles, (len(points), 1, 1)), points.repeat(count, 0))
    away = np.linalg.norm(every.reshape(len(points), count, 3) - points[:, None], axis=2)
    np.testing.assert_allclose(np.linalg.norm(found - points, axis=1), away.min(1), atol=1e-9)
    np.testing.assert_allclose(away[np.arange(len(points)), triangle], away.min(1), atol=1e-9)


def test_two_balls_that_overlap_cross_and_a_ball_does_not() -> None:
    one = ball()
    assert not len(crossing(one))
    count = len(one.vertices)
    both = Mesh(
        np.concatenate([one.vertices, one.vertices + np.array([15.0, 0.1, 0.2])]),
        np.concatenate([one.faces, one.faces + count]),
    )
    crossed = crossing(both)
    assert len(crossed)
    # They meet in a ring half way.
    middle = both.vertices[both.faces[crossed]].mean((0, 1))
    np.testing.assert_allclose(middle, [7.5, 0, 0], atol=1.0)
    # All of them lie at vertices of the second ball, on the near half of it.
    second, near = np.arange(2 * count) >= count, both.vertices[:, 0] < 12
    np.testing.assert_array_equal(crossing(both, among=second), crossed)
    np.testing.assert_array_equal(crossing(both, among=second & near), crossed)
    assert not len(crossing(both, among=second & (both.vertices[:, 0] > 22)))


def test_a_fold_is_smoothed_and_the_rest_stays() -> None:
    mesh = ball()
    folded = mesh.vertices.copy()
    folded[:6] *= -0.9
    assert len(crossing(Mesh(folded, mesh.faces)))
    found = untangled(Mesh(folded, mesh.faces))
    assert not len(crossing(found))
    moved = np.linalg.norm(found.vertices - mesh.vertices, axis=1) > 1e-9
    assert 6 <= moved.sum() < len(moved)


def test_a_fit_that_stays_folded_goes_back_to_the_stage_before() -> None:
    mesh = ball()
    closer, folded = 1.05 * mesh.vertices, mesh.vertices.copy()
    folded[:6] *= -0.9
    kept = np.arange(len(folded)) < 6  # so that no smoothing reaches the fold
    found = last_untangled([mesh.vertices, closer, folded], mesh.faces, kept)
    assert not len(crossing(found))
    np.testing.assert_array_equal(found.vertices, closer)


def test_what_is_taken_away_is_closed_flat() -> None:
    mesh = ball()
    top = mesh.vertices[:, 2] > 5
    filled = healed(mesh.vertices, mesh.faces, top)
    assert (filled[~top] == mesh.vertices[~top]).all()
    assert filled[:, 2].max() < 6.0
    assert Mesh(filled, mesh.faces).closed


def test_the_shipped_mandible_can_be_toothless_and_does_not_cross_itself() -> None:
    model = named_model("base")
    anatomy = Anatomy(model)
    rng = np.random.default_rng(3)
    modes = anatomy.shapes.landmark_modes
    for _ in range(2):
        drawn = np.tensordot(rng.normal(size=len(modes)), modes, 1)
        marks = Landmarks(anatomy.template.names, anatomy.landmarks.mean + drawn)
        full = run(generate(marks, model))
        bare = run(generate(marks, model, GenerateSettings(teeth=False)))
        for made in (full, bare):
            assert not len(crossing(made.mesh))
            assert made.mesh.closed
            assert np.nanmax(made.to_surface) < 1.0
        assert 1000 < full.mesh.volume - bare.mesh.volume < 0.4 * full.mesh.volume


def test_a_bone_without_teeth_says_so(eggs: list[Shape], egg: Template) -> None:
    anatomy = Anatomy(run(train(eggs[:4], egg, TrainSettings(steps=1, modes=2))))
    marks = Landmarks(egg.names, eggs[5].landmarks)
    with pytest.raises(InputError, match="generate with teeth"):
        anatomy.generate(marks, GenerateSettings(teeth=False))
