"""Training on shapes of another kind, from files, by the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from napari_midl.cli import main
from napari_midl.engine.checkpoints import Checkpoint
from napari_midl.engine.jobs import run
from napari_midl.methods.anatomy.apply import Anatomy
from napari_midl.methods.anatomy.learn import train
from napari_midl.methods.anatomy.models import named_model
from napari_midl.methods.anatomy.registration import in_correspondence
from napari_midl.methods.anatomy.score import Surface, between
from napari_midl.methods.anatomy.settings import TrainSettings
from napari_midl.methods.anatomy.shapes import Shape, read_shape
from napari_midl.volumes.grids import mask
from napari_midl.volumes.landmarks import Landmarks, write_landmarks
from napari_midl.volumes.meshes import MM, Mesh, read_mesh
from napari_midl.volumes.space import Space

if TYPE_CHECKING:
    from napari_midl.methods.anatomy.template import Template


def test_a_generator_of_another_shape_reaches_half_a_millimetre(
    eggs: list[Shape], egg: Template
) -> None:
    seen, unseen = eggs[:25], eggs[25:]
    anatomy = Anatomy(run(train(seen, egg, TrainSettings(steps=200, modes=4))))
    for truth in unseen:
        made = anatomy.generate(Landmarks(egg.names, truth.landmarks))
        assert between(made.mesh, truth.mesh, 2000).mean < 0.5
    mean = Mesh(anatomy.shapes.mean_surface, anatomy.faces)
    assert between(mean, unseen[0].mesh, 2000).mean > 1.0


@pytest.mark.usefixtures("two_threads")
def test_a_stopped_training_goes_on_to_the_same_weights(
    eggs: list[Shape], egg: Template, tmp_path: Path
) -> None:
    settings, kept = TrainSettings(modes=3), Checkpoint(tmp_path / "c")
    whole = run(train(eggs[:6], egg, settings, exactly=8))
    run(train(eggs[:6], egg, settings, kept, exactly=3))
    again = run(train(eggs[:6], egg, settings, kept, exactly=8))
    assert again.sha256 == whole.sha256
    assert again.card["steps"] == 8


def test_the_command_line_trains_and_generates(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eggs: list[Shape], egg: Template
) -> None:
    monkeypatch.chdir(tmp_path)
    write_landmarks(Path("new.csv"), Landmarks(egg.names, eggs[20].landmarks))
    train_it = ["anatomy", "train", "shapes", "--template", "egg.json", "--out", "egg.safetensors"]
    generate = ["anatomy", "generate", "new.csv", "--model", "egg.safetensors", "--out"]
    for command in (
        [*train_it, "--steps", "50"],
        [*generate, "new.stl"],
        [*generate, "new.ome.zarr"],
    ):
        with pytest.raises(SystemExit) as ended:
            main(command)
        assert not ended.value.code
    assert between(read_mesh(Path("new.stl"), closed=True), eggs[20].mesh, 2000).mean < 1.0
    assert Path("new.stl.landmarks.csv").exists()
    assert named_model("egg.safetensors").card["template"]["name"] == "egg"
    with pytest.raises(SystemExit) as ended:
        main(["runs", "replay", "new.stl.run.json"])
    assert not ended.value.code


def test_a_mask_is_read_as_the_surface_that_it_was_made_of(
    tmp_path: Path, eggs: list[Shape], egg: Template
) -> None:
    truth = eggs[0]
    shift = np.array([60.0, 60.0, 60.0])
    moved = Mesh(truth.mesh.vertices + shift, truth.mesh.faces)
    tifffile.imwrite(
        tmp_path / "egg.tif",
        mask(moved, (120, 120, 120), Space((1.0, 1.0, 1.0), MM)),
        imagej=True,
        resolution=(1, 1),
        metadata={"axes": "ZYX", "unit": "mm", "spacing": 1.0},
    )
    write_landmarks(tmp_path / "egg.csv", Landmarks(egg.names, truth.landmarks + shift))
    shape = read_shape(tmp_path / "egg.tif", tmp_path / "egg.csv", egg)
    assert shape.mesh.closed
    assert shape.mesh.volume > 0
    assert between(shape.mesh, moved, 2000).mean < 0.3


def test_registration_brings_a_mesh_onto_another_with_other_triangles(
    eggs: list[Shape],
) -> None:
    import trimesh

    target = trimesh.creation.uv_sphere(radius=1.0, count=[40, 40])
    radii = np.array([36.0, 44.0, 21.0])
    other = Shape(
        "other",
        Mesh(target.vertices * radii, target.faces.astype(np.int32)),
        eggs[0].landmarks / np.abs(eggs[0].landmarks[[0, 2, 4]]).max(0) * radii,
    )
    _, moved = run(in_correspondence([eggs[0], other]))
    assert len(moved.mesh.vertices) == len(eggs[0].mesh.vertices)
    assert Surface(other.mesh).distance(moved.mesh.vertices).mean() < 0.3
