from __future__ import annotations

import numpy as np
import pytest
from napari_midl.methods.vessels.replays import OPERATIONS

from napari_midl.engine.jobs import run
from napari_midl.engine.runs import replay
from napari_midl.methods.vessels.labels import labels_path, write_labels
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.open import open_volume

PROBABILITY = np.random.default_rng(0).random((2, 9, 40, 30), np.float32)


@pytest.fixture
def prediction(tmp_path):
    image = OmeZarrImage.create(
        tmp_path / "p.ome.zarr",
        shape=PROBABILITY.shape,
        dtype="float32",
        axes="CZYX",
        scale=(1,) * 4,
        units=(None,) * 4,
        chunks=(1, 4, 16, 16),
    )
    image.write((slice(None),) * 4, PROBABILITY)
    return image.path


def test_labels_are_the_first_channel_cut_at_the_threshold(prediction):
    run(write_labels(prediction, 0.25))
    labels = open_volume(labels_path(prediction, 0.25))
    np.testing.assert_array_equal(labels.data, PROBABILITY[0] >= 0.25)


def test_labels_whose_writing_is_cancelled_leave_nothing_and_can_be_written_again(prediction):
    job = write_labels(prediction, 0.5)
    next(job)
    job.close()
    assert not labels_path(prediction, 0.5).exists()
    run(write_labels(prediction, 0.5))
    assert labels_path(prediction, 0.5).exists()


def test_the_record_of_labels_replays_and_tells_of_another_prediction(prediction):
    run(write_labels(prediction, 0.5))
    record = prediction.with_name("p.ome.zarr vessels-0.50.run.json")
    assert run(replay(record, OPERATIONS)).same
    plane = PROBABILITY[:, :1] / 3
    OmeZarrImage.open(prediction).write((slice(None), slice(0, 1), slice(None), slice(None)), plane)
    again = run(replay(record, OPERATIONS))
    assert again.lines == ["input probability: differs", "output labels: differs"]
