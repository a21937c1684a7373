"""The shipped mandible, from landmarks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from napari_midl.cli import main
from napari_midl.errors import InputError
from napari_midl.methods.anatomy.apply import Anatomy
from napari_midl.methods.anatomy.models import named_model
from napari_midl.methods.anatomy.morphing import morph
from napari_midl.methods.anatomy.score import Surface
from napari_midl.methods.anatomy.settings import GenerateSettings
from napari_midl.volumes.landmarks import Landmarks, write_landmarks
from napari_midl.volumes.meshes import read_mesh


@pytest.fixture(scope="module")
def mandible() -> Anatomy:
    return Anatomy(named_model("base"))


@pytest.fixture
def person(mandible: Anatomy) -> Landmarks:
    """Someone a little unlike the mean, turned and shifted as a scan would have it."""
    model = mandible.shapes
    drawn = np.random.default_rng(0).normal(size=len(model.landmark_modes))
    points = model.mean_landmarks + np.tensordot(drawn, model.landmark_modes, 1)
    turn = Rotation.from_euler("zyx", [30, 10, -20], degrees=True).as_matrix()
    return Landmarks(mandible.template.names, points @ turn + np.array([200.0, 150.0, 80.0]))


def without(person: Landmarks, *rows: int) -> Landmarks:
    points = person.points.copy()
    points[list(rows)] = np.nan
    return Landmarks(person.names, points)


@pytest.mark.parametrize("method", ["learnt", "linear"])
def test_the_surface_is_closed_faces_outward_and_passes_through_the_landmarks(
    mandible: Anatomy, person: Landmarks, method: str
) -> None:
    made = mandible.generate(person, GenerateSettings(method=method))  # type: ignore[arg-type]
    assert made.mesh.closed
    assert 20e3 < made.mesh.volume < 200e3
    assert np.nanmax(made.to_surface) < 1.0
    assert made.uncertainty.shape == (len(made.mesh.vertices),)
    assert (made.uncertainty > 0).all()
    assert not made.misplaced


def test_order_numbers_case_and_underscores_do_not_matter(
    mandible: Anatomy, person: Landmarks
) -> None:
    numbers = [str(info.number) for info in mandible.template.landmarks]
    expected = mandible.generate(person).mesh.vertices
    typed = tuple(name.replace(" ", "_").title() for name in person.names)
    for other in (
        Landmarks(tuple(numbers[::-1]), person.points[::-1]),
        Landmarks(typed, person.points),
    ):
        np.testing.assert_allclose(mandible.generate(other).mesh.vertices, expected, atol=1e-6)


def test_the_shape_moves_and_grows_with_its_landmarks(mandible: Anatomy, person: Landmarks) -> None:
    made = mandible.generate(person)
    larger = mandible.generate(Landmarks(person.names, 1.2 * person.points))
    np.testing.assert_allclose(larger.mesh.vertices, 1.2 * made.mesh.vertices, atol=1e-3)
    np.testing.assert_allclose(larger.uncertainty, 1.2 * made.uncertainty, rtol=1e-6)


def test_missing_landmarks_come_back_near_and_with_their_spread(
    mandible: Anatomy, person: Landmarks
) -> None:
    dropped = [2, 9, 13, 20, 27]
    whole, fewer = mandible.generate(person), mandible.generate(without(person, *dropped))
    away = np.linalg.norm(fewer.landmarks.points - person.points, axis=1)[dropped]
    assert away.max() < 6.0
    assert (fewer.spread[dropped] > 0).all()
    assert np.isnan(fewer.to_surface[dropped]).all()
    assert (np.delete(fewer.spread, dropped) == 0).all()
    assert fewer.uncertainty.mean() > whole.uncertainty.mean()


def test_a_landmark_moved_by_a_centimetre_is_named(mandible: Anatomy, person: Landmarks) -> None:
    points = person.points.copy()
    points[5] += [0, 0, 10.0]
    assert mandible.generate(Landmarks(person.names, points)).misplaced[0] == person.names[5]


def test_a_mirrored_scan_gives_the_mirrored_shape(mandible: Anatomy, person: Landmarks) -> None:
    flipped = Landmarks(person.names, person.points * [1, 1, -1])
    made = mandible.generate(flipped, GenerateSettings(mirrored=True))
    assert made.mesh.closed
    assert made.mesh.volume == pytest.approx(mandible.generate(person).mesh.volume, rel=1e-3)
    assert np.nanmax(made.to_surface) < 1.0


def test_a_morph_is_smooth_and_ends_at_its_ends(mandible: Anatomy, person: Landmarks) -> None:
    other = Landmarks(person.names, mandible.shapes.mean_landmarks + np.array([180.0, 160.0, 90.0]))
    volumes = [
        mandible.generate(morph(person, other, share)).mesh.volume for share in np.linspace(0, 1, 9)
    ]
    steps = np.abs(np.diff(volumes))
    assert steps.max() < 3 * np.median(steps) + 1.0
    np.testing.assert_allclose(morph(person, other, 0.0).points, person.points)
    last = mandible.generate(morph(person, other, 1.0)).mesh.volume
    assert last == pytest.approx(mandible.generate(other).mesh.volume, rel=1e-3)


@pytest.mark.parametrize("angles", [(180, 0, 0), (90, 40, -70), (0, 0, 120)])
def test_half_way_to_another_person_is_as_large_as_people_are(
    mandible: Anatomy, person: Landmarks, angles: tuple[int, int, int]
) -> None:
    turn = Rotation.from_euler("zyx", angles, degrees=True).as_matrix()
    other = Landmarks(person.names, 1.1 * mandible.shapes.mean_landmarks @ turn - 300.0)
    ends = [mandible.generate(marks).mesh.volume for marks in (person, other)]
    made = mandible.generate(morph(person, other, 0.5))
    assert min(ends) < 1.05 * made.mesh.volume < 1.1 * max(ends)
    assert not made.misplaced


def test_sets_that_cannot_be_superimposed_are_refused(person: Landmarks) -> None:
    mirrored = Landmarks(person.names, person.points * [-1, 1, 1])
    with pytest.raises(InputError, match="mirror image"):
        morph(person, mirrored, 0.5)
    with pytest.raises(InputError, match="3 landmarks in common"):
        morph(person, without(person, *range(3, 28)), 0.5)
    with pytest.raises(InputError, match="name different landmarks"):
        morph(person, person.only(person.names[:5]), 0.5)


def test_pictures_of_all_landmarks_ship(mandible: Anatomy) -> None:
    paths = [mandible.template.picture(name) for name in mandible.template.names]
    assert all(isinstance(path, Path) and path.stat().st_size > 500 for path in paths)


def test_the_spline_can_be_left_out(
    person: Landmarks, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_landmarks(tmp_path / "marks.csv", person)
    meshes = []
    for name, options in (("through", []), ("loose", ["--no-through"])):
        out = tmp_path / f"{name}.ply"
        with pytest.raises(SystemExit) as ended:
            main(["anatomy", "generate", str(tmp_path / "marks.csv"), "--out", str(out), *options])
        assert ended.value.code == 0
        meshes.append(read_mesh(out))
    through, loose = (Surface(mesh).distance(person.points).mean() for mesh in meshes)
    assert through < loose
