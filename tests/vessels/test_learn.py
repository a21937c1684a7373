from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import tifffile
import torch

from napari_midl.engine import tree_volumes
from napari_midl.engine.checkpoints import Checkpoint
from napari_midl.engine.inputs import ImageIn
from napari_midl.engine.jobs import Job, run
from napari_midl.engine.models import Model, ModelFamily, save_model
from napari_midl.engine.outputs import ModelOut
from napari_midl.engine.replaying import replay
from napari_midl.engine.runs import Run, read_run, record_path, write_run
from napari_midl.engine.trees import synthetic_sample
from napari_midl.errors import InputError
from napari_midl.methods.vessels import apply, inputs, learn, pretraining
from napari_midl.methods.vessels.models import named_model, scratch
from napari_midl.methods.vessels.network import build_network
from napari_midl.methods.vessels.operations import Finetune, Predict, Pretrain
from napari_midl.methods.vessels.ports import LabelsIn, VesselModelIn
from napari_midl.methods.vessels.score import dice
from napari_midl.methods.vessels.settings import FinetuneSettings, PretrainSettings
from napari_midl.volumes.annotations import AnnotationStore, Patch
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.volume import Volume

IMAGE, MASK, _ = synthetic_sample((24, 96, 96), seed=7)
# Where a test is not of how well it learns: scoring takes longer than a few steps.
SMALL, INSIDE = (whole[:, 40:72, 16:48] for whole in (IMAGE, MASK))
QUICK = FinetuneSettings(minutes=10, steps=2, patch=(8, 16, 16), batch=1, held_out=0, alone=True)


def finetune(image: Path, labels: Path, out: Path) -> Job:
    return Finetune(
        image=ImageIn(image),
        labels=LabelsIn(labels),
        model=VesselModelIn("unet-scratch"),
        out=ModelOut(out),
        settings=QUICK,
    ).perform()


def inverted(image: np.ndarray = SMALL) -> Volume:
    """An image that the base model has never seen the like of: dark vessels."""
    return Volume.from_array(255 - image, name="inverted")


def patches(mask: np.ndarray = INSIDE) -> list[Patch]:
    painted = np.where(mask, 2, 1).astype(np.uint8)
    return [Patch((z, 0, 0), painted[z : z + 1], f"slice {z}") for z in (8, 16)]


def labels_file(path: Path) -> Path:
    """One slice, as a file of labels for the image."""
    labels = np.zeros(SMALL.shape, np.uint8)
    labels[8] = np.where(INSIDE[8], 2, 1)
    tifffile.imwrite(path, labels)
    return path


def test_two_slices_teach_the_base_model_dark_vessels():
    volume, inside = inverted(IMAGE[:, :64, :64]), MASK[:, :64, :64]
    settings = FinetuneSettings(minutes=10, steps=60, patch=(12, 32, 32), batch=2)
    result = run(learn.finetune(volume, patches(inside), named_model("unet"), settings))
    assert result.after["dice"] > result.before["dice"] + 0.2
    everything = tuple(slice(0, n) for n in inside.shape)
    unseen = np.array([abs(z - 8) > 1 and abs(z - 16) > 1 for z in range(24)])
    scores = [
        dice(predicted[unseen] >= 0.5, inside[unseen])
        for predicted in (
            apply.predict_region(volume, model, everything)
            for model in (named_model("unet"), result.model)
        )
    ]
    assert scores[1] > scores[0] + 0.2


def test_the_start_is_left_as_it_is_and_the_card_tells_the_parent():
    start = scratch()
    before = start.sha256
    result = run(learn.finetune(inverted(), patches(), start, QUICK))
    assert start.sha256 == before
    assert result.model.card["parent"] == before
    assert result.model.sha256 != before
    assert result.model.card["steps"] == result.steps


@pytest.mark.usefixtures("two_threads")
def test_the_same_seed_gives_the_same_weights():
    a, b = (run(learn.finetune(inverted(), patches(), scratch(), QUICK)) for _ in range(2))
    assert a.model.sha256 == b.model.sha256
    other = FinetuneSettings(**{**QUICK.to_dict(), "seed": 1, "patch": QUICK.patch})
    assert run(learn.finetune(inverted(), patches(), scratch(), other)).model.sha256 != (
        a.model.sha256
    )


def test_reading_and_scoring_a_slow_image_leave_the_job_responsive():
    def slow(block: np.ndarray) -> np.ndarray:
        time.sleep(1.5)
        return block

    image = da.from_array(255 - SMALL, chunks=SMALL.shape).map_blocks(slow, dtype=np.uint8)
    job = learn.finetune(Volume.from_array(image, name="slow"), patches(), scratch(), QUICK)
    waits, asked = [], time.monotonic()
    for progress in job:
        waits.append(time.monotonic() - asked)
        if progress.message.startswith("step"):
            break
        asked = time.monotonic()
    job.close()
    assert max(waits[:-1]) < 1.2


def test_the_view_is_previewed_while_it_trains():
    region = (slice(4, 5), slice(1, 31), slice(2, 30))
    shown = []
    job = learn.finetune(inverted(), patches(), scratch(), QUICK, view=lambda: region)
    run(job, lambda p: shown.append(p.preview) if p.preview is not None else None)
    assert shown[0][0] == region
    assert shown[0][1].shape == (1, 30, 28)


def test_pretraining_needs_no_data_and_goes_on_from_its_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(tree_volumes, "SHAPE", (8, 32, 32))
    settings = PretrainSettings(minutes=10, steps=4, patch=(8, 16, 16), batch=1)
    whole = run(pretraining.pretrain(settings))
    assert whole.card["training_data"] == ["synthetic vessel volumes"]
    kept = Checkpoint(tmp_path / "c")
    run(pretraining.pretrain(settings, checkpoint=kept, exactly=2))
    assert run(pretraining.pretrain(settings, checkpoint=kept)).sha256 == whole.sha256


@pytest.mark.usefixtures("two_threads")
def test_two_fine_tunings_at_once_come_out_as_each_alone():
    settings = [
        FinetuneSettings(**{**QUICK.to_dict(), "patch": (8, 16, 16), "steps": 4, "seed": seed})
        for seed in (0, 1)
    ]

    def tuned(chosen: FinetuneSettings) -> str:
        return run(learn.finetune(inverted(), patches(), scratch(), chosen)).model.sha256

    alone = [tuned(chosen) for chosen in settings]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(tuned, settings)) == alone


@pytest.mark.usefixtures("two_threads")
def test_a_fine_tuning_replays_to_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("image.tif", SMALL)
    labels_file(Path("labels.tif"))
    out = Path("model.safetensors")
    record = run(finetune(Path("image.tif"), Path("labels.tif"), out)).run
    assert read_run(Path("model.safetensors.run.json")) == record
    assert (
        ModelFamily("vessels", build_network, {}).load(out).sha256
        == record.outputs["model.safetensors"]["sha256"]
    )
    beside = out.resolve().with_name("model.safetensors.run.json")
    monkeypatch.chdir("/")
    assert run(replay(beside)).same
    monkeypatch.chdir(tmp_path)
    changed = json.loads(Path("model.safetensors.run.json").read_text(encoding="utf-8"))
    changed["settings"]["seed"] = 3
    Path("model.safetensors.run.json").write_text(json.dumps(changed), encoding="utf-8")
    assert not run(replay(Path("model.safetensors.run.json"))).same


def test_a_fine_tuning_that_took_no_step_replays_as_such(tmp_path):
    tifffile.imwrite(tmp_path / "image.tif", SMALL)
    image, labels = tmp_path / "image.tif", labels_file(tmp_path / "labels.tif")
    out, options = tmp_path / "m.safetensors", QUICK.to_dict()
    wanted = Finetune.of(image=image, labels=labels, model="unet-scratch", out=out, **options)
    record = run(wanted.perform(steps=0)).run
    assert (record.results["steps"], record.settings["steps"]) == (0, 2)
    assert run(replay(record_path(out))).same


@pytest.mark.usefixtures("two_threads")
def test_a_pretraining_replays_to_the_same_bits_also_from_a_trained_start(tmp_path, monkeypatch):
    monkeypatch.setattr(tree_volumes, "SHAPE", (8, 32, 32))
    out = tmp_path / "new.safetensors"
    options = {"steps": 2, "patch": (8, 16, 16), "batch": 1, "start": "unet"}
    record = run(Pretrain.of(out=out, **options).perform()).run
    assert record.results["steps"] == 2
    assert run(replay(record_path(out))).same


def test_a_started_base_keeps_its_normalisation_and_learns_on(monkeypatch):
    monkeypatch.setattr(tree_volumes, "SHAPE", (8, 32, 32))
    settings = PretrainSettings(steps=2, patch=(8, 16, 16), batch=1)
    first = run(pretraining.pretrain(settings))
    second = run(pretraining.pretrain(settings, start=first)).network.state_dict()
    for name, before in first.network.state_dict().items():
        same = torch.equal(before, second[name])
        if "running" in name:
            assert same, name
        elif name == "head.weight":
            assert not same


def test_a_record_of_an_image_in_memory_cannot_be_replayed(tmp_path):
    path = tmp_path / "a.run.json"
    arguments = {"image": None, "model": "base", "channel": 0, "out": "p.ome.zarr"}
    write_run(Run("vessels.predict", arguments, {}, outputs={"p.ome.zarr": {"sha256": "0"}}), path)
    with pytest.raises(InputError, match="came from no file"):
        run(replay(path))


def test_a_record_of_the_first_version_has_nothing_to_compare_with(tmp_path):
    """It named no output but by what it was, and no hash of a folder."""
    arguments = {"image": "a.tif", "model": "base", "channel": 0}
    values = Run("vessels.predict", arguments, {}, outputs={"prediction": {"path": "p.zarr"}})
    path = tmp_path / "a.run.json"
    path.write_text(json.dumps({"version": 1, **asdict(values)}))
    with pytest.raises(InputError, match="nothing to compare with"):
        run(replay(path))


def test_a_shipped_model_names_its_origin():
    card = named_model("unet").card
    assert card["tool"] == "vessels"
    assert card["architecture"] == "compact"
    assert card["licence"] == "BSD-3-Clause"
    assert "synthetic vessel volumes" in card["training_data"]
    assert card["device"]


def test_a_saved_model_is_loaded_by_its_path(tmp_path):
    torch.manual_seed(0)
    model = Model(build_network("compact"), {"tool": "vessels", "architecture": "compact"})
    save_model(model, tmp_path / "m.safetensors")
    assert named_model(tmp_path / "m.safetensors").sha256 == model.sha256


def test_the_base_model_separates_vessels_on_a_real_stack(shared):
    pairs = inputs.read_stacks(shared / "data" / "vessels")
    image, truth = next(p for p in pairs if "octa" in p[0].name)
    everything = tuple(slice(0, n) for n in image.shape)
    found = apply.predict_region(image, named_model("unet"), everything)
    assert dice(found >= 0.5, np.asarray(truth.data) > 0) > 0.7


def test_patches_painted_in_the_dock_train_from_the_command_line_too(tmp_path):
    tifffile.imwrite(tmp_path / "image.tif", 255 - SMALL)
    image = tmp_path / "image.tif"
    store = AnnotationStore(tmp_path / "patches", open_volume(image).spatial())
    for patch in patches():
        store.save(patch)
    out = tmp_path / "model.safetensors"
    run(finetune(image, tmp_path / "patches", out))
    by_name = sorted(patches(), key=lambda patch: patch.name)
    memory = run(learn.finetune(inverted(), by_name, scratch(), QUICK))
    assert ModelFamily("vessels", build_network, {}).load(out).sha256 == memory.model.sha256


@pytest.mark.parametrize("dense", [True, False])
def test_a_mask_is_read_as_the_user_says(tmp_path, dense):
    tifffile.imwrite(tmp_path / "mask.tif", INSIDE.astype(np.uint8))
    (patch,) = inputs.read_labels(tmp_path / "mask.tif", inverted(), dense)
    values = set(np.unique(np.asarray(patch.labels)))
    assert values == ({1, 2} if dense else {0, 1})


def test_a_record_of_weights_that_had_another_name_finds_them(tmp_path):
    tifffile.imwrite(tmp_path / "image.tif", IMAGE[:8, :40, :40])
    out = tmp_path / "out.ome.zarr"
    done = run(Predict.of(image=tmp_path / "image.tif", model="unet", out=out).perform()).run
    path = record_path(out)
    # An earlier version shipped the U-Net as its base.
    write_run(replace(done, arguments=done.arguments | {"model": "base"}), path)
    comparison = run(replay(path))
    assert comparison.same, comparison.lines
    # Weights that are shipped no more cannot be found: that is said.
    inputs = done.inputs | {"model": {"sha256": "0" * 64}}
    write_run(replace(read_run(path), inputs=inputs), path)
    assert "input model: differs" in run(replay(path)).lines
