"""Where what belongs to an image is kept."""

from __future__ import annotations

import os

import numpy as np
import pytest
import zarr

from napari_midl.engine import project, project_models
from napari_midl.engine.journal import OPERATION, TIME
from napari_midl.errors import InputError
from napari_midl.volumes.multiscales import ABOUT
from napari_midl.volumes.volume import Volume


def test_a_project_lies_beside_its_image_or_with_the_person(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "scan.1.tif").touch()
    array = np.zeros((2, 3, 4), np.uint8)
    beside = Volume.from_array(array, source=str(tmp_path / "scan.1.tif"))
    assert project.default_folder(beside) == tmp_path / "scan.1.tif.midl"
    unnamed = project.default_folder(Volume.from_array(array, name="a/b"))
    assert unnamed.name == "a_b 2x3x4"


def test_each_channel_and_time_point_has_its_own_patches(tmp_path):
    assert project.patches_folder(tmp_path, 0, 0).name == "patches"
    assert project.patches_folder(tmp_path, 1, 2).name == "patches c1 t2"


def test_results_are_in_the_order_of_their_numbers(tmp_path):
    for number in (10, 9, 1):
        (tmp_path / "results" / f"stain-{number}.ome.zarr").mkdir(parents=True)
    found = [path.name for path in project.results(tmp_path, ".ome.zarr")]
    assert found == [f"stain-{number}.ome.zarr" for number in (1, 9, 10)]
    assert project.results(None, ".ome.zarr") == []
    assert project.free_name(tmp_path / "results", "stain", ".ome.zarr").name == "stain-2.ome.zarr"


def test_results_of_another_time_point_are_left_out(tmp_path):
    for number, time in enumerate((0, 1, None)):
        out = tmp_path / "results" / f"stain-{number}.ome.zarr"
        about = {} if time is None else {TIME: time}
        zarr.open_group(out, mode="w").attrs[ABOUT] = about
    found = [path.name for path in project.results(tmp_path, ".ome.zarr", time=1)]
    assert found == ["stain-1.ome.zarr", "stain-2.ome.zarr"]


def test_results_of_another_operation_are_left_out(tmp_path):
    for number, operation in enumerate(("staining.stain", "segment.predict", "")):
        out = tmp_path / "results" / f"stain-{number}.ome.zarr"
        zarr.open_group(out, mode="w").attrs[ABOUT] = {OPERATION: operation}
    found = [path.name for path in project.results(tmp_path, ".ome.zarr", "staining.stain")]
    assert found == ["stain-0.ome.zarr", "stain-2.ome.zarr"]


def test_the_chosen_model_is_remembered_where_models_are(tmp_path):
    models = tmp_path / "models"
    project_models.remember_model(models, "base", "toy")
    assert project_models.chosen_model(models, "toy") is None
    models.mkdir()
    for choice in ("base", models / "mine-1.safetensors"):
        project_models.remember_model(models, choice, "toy")
        assert project_models.chosen_model(models, "toy") == choice
    elsewhere = tmp_path / "elsewhere" / "other.safetensors"
    project_models.remember_model(models, elsewhere, "toy")
    assert project_models.chosen_model(models, "toy") == elsewhere
    assert project_models.chosen_model(models, "other") is None  # which may work on the same image


def test_a_rejected_model_is_not_the_newest_until_it_is_chosen_again(tmp_path):
    first, second = (tmp_path / f"mine-{number}.safetensors" for number in (1, 2))
    for age, path in enumerate((second, first)):
        path.touch()
        os.utime(path, (1000 - age, 1000 - age))
    assert project_models.newest_model(tmp_path, ["base", first, second]) == second
    project_models.reject_model(tmp_path, second)
    assert project_models.rejected_models(tmp_path) == {second}
    assert project_models.newest_model(tmp_path, ["base", first, second]) == first
    project_models.remember_model(tmp_path, second, "toy")
    assert project_models.rejected_models(tmp_path) == set()
    project_models.reject_model(tmp_path, first)
    project_models.reject_model(tmp_path, second)
    assert project_models.newest_model(tmp_path, ["base", first, second]) is None


def test_a_model_is_copied_with_its_record(tmp_path):
    source = tmp_path / "a.safetensors"
    source.write_bytes(b"weights")
    (tmp_path / "a.safetensors.run.json").write_text("{}")
    copy = project_models.copy_model(source, tmp_path / "b")
    assert copy == tmp_path / "b.safetensors" and copy.read_bytes() == b"weights"
    assert (tmp_path / "b.safetensors.run.json").exists()


def test_a_damaged_file_is_set_aside_under_a_free_name(tmp_path):
    for number in (1, 2):
        (tmp_path / "traces.csv").write_text(str(number))
        aside = project.set_aside(tmp_path / "traces.csv")
        assert aside.name == f"traces-unreadable-{number}.csv"
        assert aside.read_text() == str(number)
    with pytest.raises(InputError):
        project.set_aside(tmp_path / "traces.csv")
