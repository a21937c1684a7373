from __future__ import annotations

import hashlib
import json
from shutil import copytree, rmtree
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from tests.operations.disk import Disk, content, watched

from napari_midl.cli import main
from napari_midl.engine.jobs import Job, run
from napari_midl.engine.replaying import replay
from napari_midl.errors import InputError
from napari_midl.methods.vessels.labels import hash_labels, labels_path
from napari_midl.methods.vessels.operations import Labels
from napari_midl.volumes.label_list import is_listed
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.open import open_volume

if TYPE_CHECKING:
    from pathlib import Path

PROBABILITY = np.random.default_rng(0).random((2, 9, 40, 30), np.float32)


def predicted(folder: Path, probability: np.ndarray) -> Path:
    image = OmeZarrImage.create(
        folder / "p.ome.zarr",
        shape=probability.shape,
        dtype="float32",
        axes="CZYX",
        chunks=(1, 4, 16, 16),
        channels=("vessel probability", "uncertainty"),
    )
    image.write((slice(None),) * 4, probability)
    return image.path


@pytest.fixture
def prediction(tmp_path):
    return predicted(tmp_path, PROBABILITY)


def labels(prediction: Path, threshold: float = 0.5, out: Path | None = None) -> Job:
    return Labels.of(prediction=prediction, threshold=threshold, out=out).perform()


def test_labels_are_the_first_channel_cut_at_the_threshold(prediction):
    run(labels(prediction, 0.25))
    made = open_volume(labels_path(prediction, 0.25))
    np.testing.assert_array_equal(made.data, PROBABILITY[0] >= 0.25)
    assert made.values == {0: "background", 1: "vessel"}


def test_labels_may_lie_elsewhere(prediction, tmp_path):
    out = tmp_path / "mine.ome.zarr"
    run(labels(prediction, 0.25, out))
    np.testing.assert_array_equal(open_volume(out).data, PROBABILITY[0] >= 0.25)
    assert (tmp_path / "mine.ome.zarr.run.json").exists()
    assert not (prediction / "labels").exists()


def test_the_command_writes_into_the_prediction(prediction, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["vessels", "labels", str(prediction), "--threshold", "0.25"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{labels_path(prediction, 0.25)}\n"
    assert is_listed(labels_path(prediction, 0.25))


def test_labels_whose_writing_is_cancelled_leave_nothing_and_can_be_written_again(prediction):
    job = labels(prediction)
    while next(job).message != "writing labels":
        pass
    job.close()
    assert not any((prediction / "labels").iterdir())
    run(labels(prediction))
    assert is_listed(labels_path(prediction, 0.5))
    with pytest.raises(InputError, match="exists already"):
        run(labels(prediction))


def test_labels_that_a_kill_left_unlisted_are_begun_anew(tmp_path, tmp_path_factory):
    prediction = predicted(tmp_path, PROBABILITY[:, :5, :20, :18])  # eight chunks
    path, folder = labels_path(prediction, 0.5), prediction.parent
    states = tmp_path_factory.mktemp("states")
    with watched(Disk(folder, states=states)) as disk:
        run(labels(prediction))
    whole, tried, unlisted = hash_labels(path), [], 0
    for kill_at in range(disk.writes):
        left = content(states / f"{kill_at}")
        if left in tried:
            continue
        tried.append(left)
        rmtree(folder)
        copytree(states / f"{kill_at}", folder)
        unlisted += path.exists() and not is_listed(path)
        if not is_listed(path):
            run(labels(prediction))
        assert hash_labels(path) == whole and is_listed(path), kill_at
    assert unlisted


def test_what_is_no_whole_prediction_is_refused(prediction, tmp_path):
    plain = OmeZarrImage.create(
        tmp_path / "plain.ome.zarr",
        shape=(4, 8, 8),
        dtype="uint8",
        axes="ZYX",
        chunks=(4, 8, 8),
    )
    with pytest.raises(InputError, match="is no prediction of vessels"):
        run(labels(plain.path))
    prediction.with_name("p.ome.zarr.progress").write_text("{}\n")
    with pytest.raises(InputError, match="is not finished"):
        run(labels(prediction))


@pytest.mark.parametrize("version", [1, 2])
def test_the_record_of_labels_replays_and_tells_of_another_prediction(prediction, version):
    made = run(labels(prediction)).run
    record = prediction.with_name("p.ome.zarr vessels-0.50.run.json")
    if version == 1:
        chunks = [PROBABILITY[0, z : z + 32] for z in range(0, 9, 32)]
        values = {
            "version": 1,
            "operation": "vessels.labels",
            "arguments": {"prediction": str(prediction)},
            "settings": {"threshold": 0.5},
            "inputs": {"probability": {"sha256": _sha256(chunks)}},
            "outputs": {
                "labels": {
                    "path": str(labels_path(prediction, 0.5)),
                    "sha256": _sha256([(c >= 0.5).astype(np.uint8) for c in chunks]),
                }
            },
        }
        assert made.inputs["probability"] == values["inputs"]["probability"]
        record.write_text(json.dumps(values))
    comparison = run(replay(record))
    assert comparison.same, comparison.lines
    plane = PROBABILITY[:, :1] / 3
    OmeZarrImage.open(prediction).write((slice(None), slice(0, 1), slice(None), slice(None)), plane)
    again = run(replay(record)).lines
    assert "input probability: differs" in again
    assert "output vessels-0.50: differs" in again
    assert "vessels-0.50 as it lies there: as recorded" in again


def _sha256(blocks: list[np.ndarray]) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(np.ascontiguousarray(block).data)
    return digest.hexdigest()


def test_what_is_no_prediction_and_no_correction_is_said(prediction, tmp_path):
    tifffile.imwrite(tmp_path / "image.tif", np.zeros((5, 9, 9), np.uint8))
    with pytest.raises(InputError, match=r"image\.tif is no prediction of vessels"):
        Labels.of(prediction=tmp_path / "image.tif")
    (tmp_path / "notes").mkdir()
    asked = Labels.of(prediction=prediction, corrections=tmp_path / "notes", out=tmp_path / "l.nii")
    with pytest.raises(InputError, match="notes holds no correction; give the folder"):
        run(asked.perform())
    assert not (tmp_path / "l.nii").exists()
