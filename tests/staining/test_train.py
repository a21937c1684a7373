from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from imageio import v3 as imageio
from safetensors.torch import load_file

from napari_midl.engine import training
from napari_midl.engine.inputs import FileIn
from napari_midl.engine.jobs import Job, run
from napari_midl.engine.models import read_card
from napari_midl.engine.outputs import ModelOut
from napari_midl.engine.replaying import replay
from napari_midl.engine.runs import read_run, record_path
from napari_midl.errors import InputError
from napari_midl.methods.staining import data, score
from napari_midl.methods.staining.models import named_despeckler
from napari_midl.methods.staining.operations import Stain, Train, TrainDespeckler
from napari_midl.methods.staining.pictures import inverted_luma
from napari_midl.methods.staining.ports import MosaicsIn
from napari_midl.methods.staining.settings import TrainDespecklerSettings, TrainSettings
from napari_midl.methods.staining.speckle import speckle_to

FEW = TrainSettings(steps=6, crop=32, batch=1)


def train(slides: Path, confocal: Path | str, out: Path, settings: TrainSettings) -> Job:
    operation = Train(
        slides=FileIn(slides),
        confocal=MosaicsIn(str(confocal)),
        out=ModelOut(out),
        settings=settings,
    )
    return operation.perform()


@pytest.fixture
def slides(folder, slide) -> Path:
    Path("slides").mkdir()
    imageio.imwrite("slides/a.png", slide)
    return Path("slides")


@pytest.fixture
def mosaics(folder) -> Path:
    Path("mosaics").mkdir()
    shutil.copy("f.tif", "mosaics/one_fluorescence.tif")
    shutil.copy("r.tif", "mosaics/one_reflectance.tif")
    shutil.copy("r.tif", "mosaics/alone_reflectance.tif")
    return Path("mosaics")


def test_a_despeckler_learns(slides, slide):
    settings = TrainDespecklerSettings(
        steps=150, crop=48, batch=2, learning_rate=3e-3, deviation=0.4, half_life=60
    )
    out = Path("m.safetensors")
    made = TrainDespeckler(slides=FileIn(slides), out=ModelOut(out), settings=settings)
    assert run(made.perform()).run.results["steps"] == 150
    assert read_card(out)["training_data"] == ["a.png"]
    clean = inverted_luma(slide)
    noisy = speckle_to(clean, 16.2, "gaussian", np.random.default_rng(0))
    import torch

    with torch.inference_mode():
        network = named_despeckler(out).network
        out_image = network(torch.from_numpy(noisy)[None, None])[0, 0].numpy()
    assert score.psnr(out_image, clean) > 18.5


@pytest.mark.parametrize("generator", ["density", "compact"])
def test_a_stain_is_trained_from_folders_and_used(slides, mosaics, generator):
    out = Path("m.safetensors")
    settings = TrainSettings(generator=generator, steps=6, crop=32)
    run(train(slides, mosaics, out, settings))
    card = read_card(out)
    assert card["architecture"] == generator and card["mosaics"] == ["one"]
    method = "density" if generator == "density" else "cyclegan"
    channels = {"reflectance": Path("r.tif"), "fluorescence": Path("f.tif")}
    run(Stain.of(**channels, out=Path("o.ome.zarr"), method=method, model=str(out)).perform())


@pytest.mark.usefixtures("two_threads")
def test_a_stopped_training_goes_on_to_the_same_weights(slides, mosaics, monkeypatch):
    monkeypatch.setattr("napari_midl.methods.staining.learn.LOOK_EVERY", 2)
    run(train(slides, mosaics, Path("whole.safetensors"), FEW))
    out = Path("part.safetensors")
    job = train(slides, mosaics, out, FEW)
    for progress in job:
        if progress.message == "step 5":
            break
    job.close()
    assert out.with_suffix(".checkpoint").exists() and not out.exists()
    run(train(slides, mosaics, out, FEW))
    assert not out.with_suffix(".checkpoint").exists()
    whole, part = load_file("whole.safetensors"), load_file("part.safetensors")
    assert all((whole[name] == part[name]).all() for name in whole)


def test_a_training_replays(slides, mosaics):
    out = Path("m.safetensors")
    run(train(slides, mosaics, out, FEW))
    assert run(replay(record_path(out))).same


def test_a_training_by_the_clock_replays_in_as_many_steps_as_it_took(slides, mosaics, monkeypatch):
    seconds = count()
    monkeypatch.setattr(training, "time", SimpleNamespace(monotonic=lambda: float(next(seconds))))
    out = Path("m.safetensors")
    run(train(slides, mosaics, out, TrainSettings(minutes=0.5, crop=32, batch=1)))
    record = read_run(record_path(out))
    assert record.settings["steps"] == 0 and 0 < record.results["steps"] < 30
    assert run(replay(record_path(out))).same


def test_a_checkpoint_of_a_stain_is_kept_to_its_number_of_steps(slides, mosaics):
    """Crops double and the rate falls from half-way on."""
    out = Path("m.safetensors")
    job = train(slides, mosaics, out, FEW)
    while next(job).message != "step 1":
        pass
    job.close()
    longer = TrainSettings(**{**FEW.to_dict(), "steps": 8})
    with pytest.raises(InputError, match="delete it to begin anew"):
        run(train(slides, mosaics, out, longer))


def test_the_crops_double_half_way(slides, mosaics, monkeypatch):
    seen = []
    from napari_midl.methods.staining import learn

    def note(mosaics, slides, edge, count, rng):
        seen.append(edge)
        return batch(mosaics, slides, edge, count, rng)

    batch = learn.unpaired_batch
    monkeypatch.setattr(learn, "unpaired_batch", note)
    run(train(slides, mosaics, Path("m.safetensors"), FEW))
    assert seen == [32, 32, 32, 64, 64, 64]


def test_synthetic_mosaics_stand_in(slides, monkeypatch):
    monkeypatch.setattr(data, "SYNTHETIC_MOSAICS", 1)
    monkeypatch.setattr(data, "SYNTHETIC_SHAPE", (128, 128))
    out = Path("m.safetensors")
    run(train(slides, "synthetic", out, FEW))
    assert read_card(out)["mosaics"] == ["synthetic 0"]


def test_a_mosaic_without_its_other_channel_is_left_out(mosaics, slides):
    tifffile.imwrite("mosaics/two_fluorescence.tif", np.eye(100, dtype=np.uint8))
    run(train(slides, mosaics, Path("m.safetensors"), FEW))
    assert read_card(Path("m.safetensors"))["mosaics"] == ["one"]
