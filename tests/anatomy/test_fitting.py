"""A mesh pulled onto the bone of a scan."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import trimesh
from scipy import ndimage

from napari_midl.cli import main
from napari_midl.engine.jobs import run
from napari_midl.errors import InputError
from napari_midl.methods.anatomy.fitting import fit
from napari_midl.methods.anatomy.score import Surface, between, crossing
from napari_midl.volumes.grids import mask
from napari_midl.volumes.landmarks import Landmarks, write_landmarks
from napari_midl.volumes.meshes import MM, Mesh, read_mesh
from napari_midl.volumes.nifti import write_nifti
from napari_midl.volumes.space import Space
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.methods.anatomy.shapes import Shape
    from napari_midl.methods.anatomy.template import Template

SPACE = Space.of((1.0, 0.8, 0.8), MM, (-60.0, -60.0, -50.0))
SHAPE = (100, 150, 150)


def scan_of(mesh: Mesh, seed: int = 0) -> np.ndarray:
    """A shell of cortex about marrow in noise, and a neighbour 2 mm above."""
    bone = mask(mesh, SHAPE, SPACE) > 0
    sizes = (1.0, 0.8, 0.8)
    depth = ndimage.distance_transform_edt(bone, sizes)
    outside = ndimage.distance_transform_edt(~bone, sizes)
    above = np.arange(SHAPE[0])[:, None, None] - 50.0 > 5
    image = np.full(SHAPE, 40.0)
    image[bone] = 200.0
    image[bone & (depth < 3)] = 1200.0
    image[above & (outside > 2) & (outside < 8)] = 1200.0
    noise = np.random.default_rng(seed).normal(0, 80, SHAPE)
    return (ndimage.gaussian_filter(image, 0.6) + noise).astype(np.float32)


@pytest.fixture(scope="module")
def true() -> Mesh:
    """An egg with a bump."""
    made = trimesh.creation.icosphere(4)
    vertices = made.vertices * [32.0, 42.0, 24.0]
    bump = np.exp(-(((vertices - [0, -42, 0]) / 12) ** 2).sum(1))
    return Mesh(vertices + bump[:, None] * [0, -5.0, 0], made.faces.astype(np.int32))


@pytest.fixture(scope="module")
def start(true: Mesh) -> Mesh:
    made = trimesh.creation.icosphere(4)
    return Mesh(made.vertices * [30.0, 40.0, 25.5] + [0.5, 0, 0.5], made.faces.astype(np.int32))


def test_the_mesh_ends_on_the_bone_between_noise_and_neighbours(true: Mesh, start: Mesh) -> None:
    volume = Volume.from_array(
        scan_of(true), scale=SPACE.scale, units=MM, origin=SPACE.origin, name="CT"
    )
    assert between(start, true).mean > 1.2
    held = start.vertices[[0, 7]]
    found = run(fit(start, held, volume, 600.0))
    assert between(found.mesh, true).mean < 0.5
    assert found.after.mean < 0.5 < found.before.mean
    assert found.after.most < found.before.most
    assert not len(crossing(found.mesh))
    assert found.mesh.closed
    # What was held has stayed, though the bone is elsewhere.
    assert Surface(found.mesh).distance(held).max() < 0.5


def test_a_level_that_the_scan_does_not_pass_is_named(true: Mesh, start: Mesh) -> None:
    volume = Volume.from_array(
        scan_of(true), scale=SPACE.scale, units=MM, origin=SPACE.origin, name="CT"
    )
    with pytest.raises(InputError, match="CT does not pass 9000 near the mesh"):
        run(fit(start, start.vertices[:0], volume, 9000.0))
    far = Mesh(start.vertices + 500.0, start.faces)
    with pytest.raises(InputError, match="does not lie in CT"):
        run(fit(far, start.vertices[:0], volume, 600.0))


def test_a_mesh_far_off_the_bone_is_told_before_it_is_fitted(true: Mesh, start: Mesh) -> None:
    volume = Volume.from_array(
        scan_of(true), scale=SPACE.scale, units=MM, origin=SPACE.origin, name="CT"
    )

    def first_note(mesh: Mesh) -> str:
        steps = fit(mesh, mesh.vertices[:0], volume, 600.0)
        step = next(step for step in steps if step.total)
        steps.close()
        return step.note

    assert first_note(start) == ""
    small = Mesh(start.vertices * 0.3, start.faces)
    assert "More than half of the shape lies over 8 mm from the bone" in first_note(small)


def test_the_command_line_fits_and_replays(
    true: Mesh,
    folder: Path,
    tmp_path: Path,
    egg: Template,
    ellipsoid: object,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    train = ["anatomy", "train", "shapes", "--template", "egg.json", "--steps", "2", "--modes", "3"]
    shape: Shape = ellipsoid(np.array([30.5, 40.5, 25.0]))  # type: ignore[operator]
    write_landmarks(tmp_path / "marks.csv", Landmarks(egg.names, shape.landmarks))
    write_nifti(scan_of(true), SPACE, tmp_path / "ct.nii.gz")
    fitting = ["anatomy", "fit", "marks.csv", "--scan", "ct.nii.gz", "--model", "egg.safetensors"]
    for command in ([*train, "--out", "egg.safetensors"], [*fitting, "--out", "fitted.ply"]):
        with pytest.raises(SystemExit) as ended:
            main(command)
        assert not ended.value.code
    said = capsys.readouterr().out
    assert "distance to the bone" in said
    record = json.loads((tmp_path / "fitted.ply.run.json").read_text())
    assert record["results"]["after the fit, mean"] < record["results"]["before the fit, mean"]
    assert b"distance to the bone from 0 to 4 mm" in (tmp_path / "fitted.ply").read_bytes()[:400]
    assert between(read_mesh(tmp_path / "fitted.ply"), true, 2000).mean < 1.0
    with pytest.raises(SystemExit) as ended:
        main(["runs", "replay", "fitted.ply.run.json"])
    assert not ended.value.code
