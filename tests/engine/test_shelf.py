from __future__ import annotations

import io
import os
import zipfile

import numpy as np
import pytest
import torch

from napari_midl.engine.models import Model, save_model
from napari_midl.engine.shelf import Shelved, models_in, put_on_shelf
from napari_midl.engine.zoo import export_to_zoo
from napari_midl.errors import InputError
from napari_midl.methods.segment import models
from napari_midl.volumes.classes import Classes


def saved(path, seed: int = 0, **card) -> Model:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = torch.nn.Linear(2, 1)
    model = Model(network, {"tool": "segment", "architecture": "any", **card})
    save_model(model, path)
    return model


def test_models_are_listed_the_newest_first_with_score_and_parent(tmp_path):
    start = saved(tmp_path / "start.safetensors")
    scored = {"score": "dice", "value": 0.8, "image": "cells"}
    saved(tmp_path / "child.safetensors", 1, parent=start.sha256, scored=scored, steps=7)
    saved(tmp_path / "other.safetensors", 2, tool="axons")
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    for name, time in (("start", 1), ("child", 2)):
        os.utime(tmp_path / f"{name}.safetensors", (time, time))
    found = models_in([tmp_path], "segment")
    assert [each.name for each in found] == ["child", "start"]
    row = found[0].row(found)
    assert (row["score"], row["of"], row["from"], row["steps"]) == (
        "dice 0.80",
        "cells",
        "start",
        7,
    )
    assert found[1].row(found)["from"] == ""


def test_a_card_is_told_in_words(tmp_path):
    classes = Classes("background", "nucleus").to_dict()
    saved(
        tmp_path / "m.safetensors",
        classes=classes,
        training_data=["labels on cells"],
        scores={"held out": {"dice": 0.5}},
        training_data_licence="CC0",
    )
    said = "\n".join(models_in([tmp_path], "segment")[0].lines())
    for part in ("labels on cells", "background, nucleus", "dice 0.50", "CC0", "m.safetensors"):
        assert part in said


def test_a_model_goes_on_the_shelf_once_and_never_over_another(tmp_path):
    shelf, source = tmp_path / "shelf", tmp_path / "m.safetensors"
    saved(source, 0)
    first = put_on_shelf(source, "segment", shelf)
    assert put_on_shelf(source, "segment", shelf) == first
    saved(source, 1)
    second = put_on_shelf(source, "segment", shelf)
    assert second.name == "m (2).safetensors" and first.exists()


def test_a_model_of_another_tool_is_refused(tmp_path):
    saved(tmp_path / "m.safetensors", tool="axons")
    with pytest.raises(InputError, match="of the tool 'axons', not of 'segment'"):
        put_on_shelf(tmp_path / "m.safetensors", "segment", tmp_path / "shelf")
    assert not (tmp_path / "shelf").exists()


def test_a_file_that_is_gone_has_no_children(tmp_path):
    saved(tmp_path / "m.safetensors", parent="0" * 64)
    only = models_in([tmp_path], "segment")
    assert isinstance(only[0], Shelved) and only[0].parent_among(only) == ""


def test_what_cannot_run_elsewhere_is_no_package(tmp_path):
    model = models.scratch("pixels-2d-compact 1>2", Classes("background", "nucleus"), 1)
    with pytest.raises(InputError, match=r"single voxels.*\.$"):
        export_to_zoo(model, tmp_path / "m.zip")
    assert not (tmp_path / "m.zip").exists()


@pytest.mark.filterwarnings(
    "ignore:.torch.jit:DeprecationWarning",  # the zoo has no entry for what is to follow it
    "ignore::pytest.PytestUnraisableExceptionWarning",  # its library leaves the file open
)
@pytest.mark.parametrize(
    "name", ["unet-3d-compact 2>3", "unet-2d-compact 2>3", "deepvesselnet 2>3"]
)
def test_the_zoo_accepts_a_package_whose_weights_give_the_same(tmp_path, name):
    spec = pytest.importorskip("bioimageio.spec")
    model = models.scratch(name, Classes("background", "nucleus", "membrane"), 2)
    export_to_zoo(model, tmp_path / "m.zip")
    described = spec.load_description(tmp_path / "m.zip", perform_io_checks=True)
    assert described.validation_summary.status != "failed"
    with zipfile.ZipFile(tmp_path / "m.zip") as package:
        files = {name: io.BytesIO(package.read(name)) for name in package.namelist()}
    weights = torch.jit.load(files["weights.pt"])
    given, wanted = (np.load(files[f"{which}.npy"]) for which in ("input", "output"))
    np.testing.assert_allclose(weights(torch.from_numpy(given)).detach(), wanted, atol=1e-4)


def test_without_the_zoos_library_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_midl.engine.zoo.find_spec", lambda name: None)
    model = models.scratch("unet-2d-compact 1>2", Classes("background", "nucleus"), 1)
    with pytest.raises(InputError, match=r"napari-midl\[zoo\]"):
        export_to_zoo(model, tmp_path / "m.zip")
