from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import dask.array as da
import numpy as np
import pytest
import tifffile

from napari_midl.cli import main
from napari_midl.engine.inputs import ImageIn
from napari_midl.engine.jobs import Job, run
from napari_midl.engine.models import save_model
from napari_midl.engine.outputs import OmeZarrOut
from napari_midl.engine.replaying import replay
from napari_midl.engine.runs import read_run, record_path
from napari_midl.engine.streaming import stream
from napari_midl.engine.trees import synthetic_sample
from napari_midl.engine.uncertainty import binary_entropy
from napari_midl.errors import InputError
from napari_midl.methods.vessels import apply
from napari_midl.methods.vessels.models import named_model, scratch
from napari_midl.methods.vessels.operations import Predict, Propose
from napari_midl.methods.vessels.predictor import VesselModel
from napari_midl.methods.vessels.score import dice
from napari_midl.methods.vessels.settings import PredictSettings, ProposeSettings
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.volume import Volume, hash_volume

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = PredictSettings(tile=(8, 24, 24))
IMAGE, MASK, VOXEL = synthetic_sample((20, 72, 80), seed=7)


def volume() -> Volume:
    return Volume.from_array(IMAGE, scale=VOXEL, units=("micrometer",) * 3, name="sample")


def predict(image: Path, out: Path, model: str = "base", **options) -> Job:
    options = {"tile": SMALL.tile, **options}
    return Predict.of(image=image, model=model, out=out, **options).perform()


def bits(path: Path) -> str:
    digest = hashlib.sha256()
    for part in (path, path / "labels" / "vessels"):
        for level in open_volume(part).levels:
            digest.update(np.ascontiguousarray(level).tobytes())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "out.ome.zarr"
    run(stream(VesselModel(volume(), named_model("base"), SMALL), out)).close()
    return out


def test_tiles_do_not_show(whole):
    untiled = apply.predict_region(
        volume(), named_model("base"), tuple(slice(0, n) for n in IMAGE.shape)
    )
    tiled = np.asarray(open_volume(whole).data)
    assert np.abs(tiled - untiled).max() < 0.002


def test_the_output_says_what_it_is(whole):
    image, labels = open_volume(whole), open_volume(whole / "labels" / "vessels")
    assert image.axes == labels.axes == ("Z", "Y", "X")
    assert image.voxel_size == labels.voxel_size == VOXEL
    assert image.space == labels.space
    assert image.unit == "micrometer"
    np.testing.assert_array_equal(labels.data, np.asarray(image.data) >= 0.5)
    assert not whole.with_name("out.ome.zarr.progress").exists()


def test_the_shipped_model_finds_the_samples_vessels(whole):
    assert dice(np.asarray(open_volume(whole / "labels" / "vessels").data) > 0, MASK) > 0.6


@pytest.mark.usefixtures("two_threads")
def test_a_stopped_prediction_resumes_to_the_same_bits(whole, tmp_path):
    out = tmp_path / "out.ome.zarr"
    job = stream(VesselModel(volume(), named_model("base"), SMALL), out)
    written = 0
    while written < 4:
        written += next(job).preview is not None
    job.close()
    with pytest.raises(InputError, match="--resume"):
        run(stream(VesselModel(volume(), named_model("base"), SMALL), out))
    run(stream(VesselModel(volume(), named_model("base"), SMALL), out, resume=True))
    assert bits(out) == bits(whole)


@pytest.mark.parametrize("stopped", [False, True])
def test_places_of_a_prediction_of_another_image_are_refused(tmp_path, capsys, stopped):
    image, other, out = (tmp_path / name for name in ("a.tif", "b.tif", "out.ome.zarr"))
    tifffile.imwrite(image, IMAGE[:8, :40, :40])
    tifffile.imwrite(other, IMAGE[8:16, :40, :40])
    job = predict(image, out)
    if stopped:
        while next(job).preview is None:
            pass
        job.close()
    else:
        run(job)

    def propose(of: Path) -> int:
        places = str(tmp_path / f"{of.stem}.csv")
        how = ["--prediction", str(out), "--out", places, "--side", "8"]
        with pytest.raises(SystemExit) as ended:
            main(["vessels", "propose", str(of), *how])
        return ended.value.code

    assert propose(other) == 2 and not (tmp_path / "b.csv").exists()
    said = capsys.readouterr().err
    assert f"{out} was made of another image than b" in said and "Traceback" not in said
    assert propose(image) == 0
    record = out.with_name(f"{out.name}.progress") if stopped else record_path(out)
    record.unlink()
    assert propose(other) == 0  # nothing tells


def test_a_prediction_can_be_resumed_until_its_record_is_written(tmp_path):
    image, out = tmp_path / "image.tif", tmp_path / "out.ome.zarr"
    tifffile.imwrite(image, IMAGE[:8, :40, :40])
    in_the_way = record_path(out)
    in_the_way.mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        run(predict(image, out))
    in_the_way.rmdir()
    record = run(predict(image, out, resume=True)).run
    assert read_run(record_path(out)) == record
    with pytest.raises(InputError, match="nothing to resume"):
        run(predict(image, out, resume=True))


def test_each_chunk_is_decoded_once_for_the_hash():
    decoded = []

    def decode(block, block_info=None):
        decoded.append(block_info[0]["chunk-location"])
        return block

    array = np.random.default_rng(0).random((2, 10, 8, 8), np.float32)
    lazy = da.from_array(array, chunks=(1, 4, 8, 8)).map_blocks(
        decode, dtype=array.dtype, meta=array[:0]
    )
    assert hash_volume(Volume.from_array(lazy, axes="CZYX")) == (
        hashlib.sha256(array.tobytes()).hexdigest()
    )
    assert sorted(decoded) == sorted(set(decoded))


def test_a_time_point_is_recorded_and_replayed(tmp_path):
    stack = np.stack([IMAGE[:8, :40, :40], 255 - IMAGE[:8, :40, :40]])
    image, out = tmp_path / "image.ome.tif", tmp_path / "out.ome.zarr"
    tifffile.imwrite(image, stack, metadata={"axes": "TZYX"})
    record = run(predict(image, out, time=1)).run
    assert record.arguments["time"] == 1
    assert run(replay(record_path(out))).same


def test_resuming_with_other_settings_is_refused(tmp_path):
    out = tmp_path / "out.ome.zarr"
    job = stream(VesselModel(volume(), named_model("base"), SMALL), out)
    while next(job).preview is None:
        pass
    job.close()
    other = PredictSettings(tile=(8, 24, 24), threshold=0.7)
    with pytest.raises(InputError, match=r"with threshold [0-9.]+ and not 0\.7;"):
        run(stream(VesselModel(volume(), named_model("base"), other), out, resume=True))


@pytest.mark.parametrize("resume", [False, True])
def test_after_a_kill_between_journal_and_folder_both_ways_of_going_on_work(tmp_path, resume):
    image, out = tmp_path / "image.tif", tmp_path / "out.ome.zarr"
    tifffile.imwrite(image, IMAGE[:8, :40, :40])
    out.with_name("out.ome.zarr.progress").write_text("{}\n", encoding="utf-8")
    outcome = run(predict(image, out, resume=resume))
    assert read_run(record_path(out)) == outcome.run
    assert {path.name for path in tmp_path.iterdir()} == {
        "image.tif",
        "out.ome.zarr",
        "out.ome.zarr.run.json",
    }


def test_tiles_show_in_the_uncertainty_as_little_as_in_the_probability(tmp_path):
    small = Volume.from_array(IMAGE[:8, :40, :40], name="cut")
    found = []
    for tile in ((8, 40, 40), (4, 16, 20)):
        out = tmp_path / f"{tile[0]}.ome.zarr"
        settings = PredictSettings(tile=tile, uncertainty=True, samples=2)
        run(stream(VesselModel(small, named_model("base"), settings), out))
        found.append(np.asarray(open_volume(out).data))
    assert np.abs(found[0] - found[1]).max() < 0.002
    assert found[0][1].std() > 0.01


def test_uncertainty_is_highest_where_the_probability_is_undecided(tmp_path):
    out = tmp_path / "out.ome.zarr"
    settings = PredictSettings(tile=(8, 24, 24), uncertainty=True, samples=3)
    small = Volume.from_array(IMAGE[:8, :40, :40], name="cut")
    run(stream(VesselModel(small, named_model("base"), settings), out))
    result = open_volume(out)
    assert result.channels == ("vessel probability", "uncertainty")
    probability, uncertainty = np.asarray(result.data)
    sure = np.abs(probability - 0.5) > 0.45
    undecided = np.abs(probability - 0.5) < 0.2
    assert uncertainty[undecided].mean() > 2 * uncertainty[sure].mean()
    assert 0 <= uncertainty.min() <= uncertainty.max() <= 1


def test_where_the_image_is_no_number_there_is_no_vessel(tmp_path):
    image = IMAGE.astype(np.float32)
    image[MASK > 0] = np.nan
    out = tmp_path / "out.ome.zarr"
    settings = PredictSettings(tile=(8, 24, 24), uncertainty=True, samples=2, threshold=0.01)
    holes = Volume.from_array(image[:8, :40, :40], name="holes")
    run(stream(VesselModel(holes, named_model("base"), settings), out))
    probability, uncertainty = np.asarray(open_volume(out).data)
    labels = np.asarray(open_volume(out / "labels" / "vessels").data)
    nowhere = np.isnan(holes.data)
    assert not probability[nowhere].any() and not labels[nowhere].any()
    assert (uncertainty[nowhere] == 1).all() and labels[~nowhere].any()


def test_proposals_avoid_what_is_painted_and_come_least_sure_first():
    from napari_midl.volumes.annotations import Patch

    painted = Patch((0, 0, 0), np.ones((20, 72, 40), np.uint8))
    proposals = run(
        apply.propose(
            volume(), named_model("base"), [painted], ProposeSettings(side=20, candidates=10)
        )
    )
    assert proposals
    assert all(p.origin[2] >= 40 for p in proposals)
    unsure = [p.uncertainty for p in proposals]
    assert unsure == sorted(unsure, reverse=True)


def test_places_are_taken_from_a_stored_prediction_of_the_image_and_of_no_other(whole, tmp_path):
    for name, image in (("image.tif", IMAGE), ("other.tif", IMAGE[1:])):
        tifffile.imwrite(tmp_path / name, image, metadata={"axes": "ZYX"})
    options = {"prediction": whole, "side": 20, "count": 4}
    out = tmp_path / "places.csv"
    done = Propose.of(image=tmp_path / "image.tif", out=out, **options)
    places = run(done.perform()).result
    assert len(places) == 4
    probability = open_volume(whole).spatial()
    for place in places:
        box = tuple(slice(o, o + n) for o, n in zip(place.origin, place.shape, strict=True))
        found = probability.read(box)
        assert place.uncertainty == pytest.approx(float(binary_entropy(found).mean()))
    means = binary_entropy(np.asarray(probability.data)).mean()
    assert all(place.uncertainty > means for place in places)
    assert run(replay(record_path(out))).same
    with pytest.raises(InputError, match="give a prediction of this image"):
        run(Propose.of(image=tmp_path / "other.tif", out=tmp_path / "b.csv", **options).perform())


def test_where_everything_is_painted_it_is_said_that_no_place_is_left(whole, tmp_path):
    tifffile.imwrite(tmp_path / "image.tif", IMAGE, metadata={"axes": "ZYX"})
    tifffile.imwrite(tmp_path / "paint.tif", np.ones_like(IMAGE), metadata={"axes": "ZYX"})
    asked = Propose.of(
        image=tmp_path / "image.tif",
        prediction=whole,
        labels=tmp_path / "paint.tif",
        out=tmp_path / "places.csv",
    )
    outcome = run(asked.perform())
    assert outcome.result == []
    assert "no place: something is painted in each" in asked.summary(outcome.run.results)[0]


@pytest.fixture
def scheduler() -> Iterator[str]:
    """Address of a cluster of one worker with four threads, which share its caches."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=4, processes=False, dashboard_address=":0"
    ) as cluster:
        yield cluster.scheduler_address


def test_proposals_are_computed_where_the_user_says():
    with pytest.raises(InputError, match="device is cuda"):
        run(apply.propose(volume(), named_model("base"), [], ProposeSettings(device="cuda")))


@pytest.mark.usefixtures("two_threads")
def test_threads_of_a_cluster_write_the_same_bits(scheduler, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("image.tif", IMAGE[:8, :48, :48])
    options = {"tile": (8, 16, 16), "uncertainty": True, "samples": 2}
    image, near, far = Path("image.tif"), Path("near.ome.zarr"), Path("far.ome.zarr")
    run(predict(image, near, **options))
    run(predict(image, far, scheduler=scheduler, **options))
    assert bits(far) == bits(near)


def test_workers_notice_a_model_that_was_replaced(scheduler, tmp_path):
    image, model = tmp_path / "image.tif", tmp_path / "model.safetensors"
    tifffile.imwrite(image, IMAGE[:8, :40, :40])
    for seed in (1, 2):
        model.unlink(missing_ok=True)
        save_model(scratch(seed=seed), model)
        far, near = tmp_path / f"far{seed}.ome.zarr", tmp_path / f"near{seed}.ome.zarr"
        run(predict(image, far, str(model), scheduler=scheduler))
        run(predict(image, near, str(model)))
        # Not to the bit: on some processors it depends on the number of threads.
        one, other = (np.asarray(open_volume(path).data) for path in (far, near))
        np.testing.assert_allclose(one, other, atol=1e-3)


def test_a_worker_that_finds_another_image_by_the_path_says_so(scheduler, tmp_path):
    image, out = tmp_path / "image.tif", tmp_path / "out.ome.zarr"
    tifffile.imwrite(image, 255 - IMAGE[:8, :40, :40])
    here = Volume.from_array(IMAGE[:8, :40, :40], name="image")
    wanted = Predict(
        image=ImageIn(image, volume=here), out=OmeZarrOut(out, scheduler=scheduler), settings=SMALL
    )
    with pytest.raises(InputError, match="finds another image or another model"):
        run(wanted.perform())
    assert [path.name for path in tmp_path.iterdir()] == ["image.tif"]


def test_a_cluster_leaves_the_arrays_of_the_process_alone(scheduler, tmp_path):
    distributed = pytest.importorskip("distributed")
    tifffile.imwrite(tmp_path / "image.tif", IMAGE[:8, :40, :40])
    for _ in predict(tmp_path / "image.tif", tmp_path / "out.ome.zarr", scheduler=scheduler):
        with pytest.raises(ValueError, match="No global client"):
            distributed.get_client()


def test_a_scheduler_that_is_not_there_is_a_sentence(tmp_path):
    tifffile.imwrite(tmp_path / "image.tif", IMAGE)
    with pytest.raises(InputError, match="no dask scheduler answers"):
        run(predict(tmp_path / "image.tif", tmp_path / "o.ome.zarr", scheduler="tcp://127.0.0.1:9"))
    assert [path.name for path in tmp_path.iterdir()] == ["image.tif"]
