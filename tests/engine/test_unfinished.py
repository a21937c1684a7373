"""What was stopped before its end, and with what it goes on."""

from __future__ import annotations

import json
import os

import numpy as np
from safetensors.numpy import save_file

from napari_midl.engine.runs import Run, record_path, write_run
from napari_midl.engine.unfinished import (
    model_of,
    stopped_training,
    trained_with,
)


def test_the_training_that_was_stopped_last_goes_on(tmp_path):
    assert stopped_training(tmp_path) is None
    for age, name in ((5, "stain-1"), (1, "stain-2"), (0, "other-1")):
        path = tmp_path / f"{name}.checkpoint"
        path.touch()
        os.utime(path, (1000 - age, 1000 - age))
    assert stopped_training(tmp_path, "stain") == tmp_path / "stain-2.checkpoint"


def test_the_settings_of_a_stopped_training_are_read_where_they_can_be(tmp_path):
    path = tmp_path / "stain-1.checkpoint"
    path.touch()
    assert trained_with(path) == {}
    notes = {"training": json.dumps({"settings": {"crop": 32}, "inputs": {}})}
    save_file({"w": np.zeros(1, np.float32)}, path, metadata=notes)
    assert trained_with(path) == {"crop": 32}


def test_a_model_is_found_by_the_hash_in_its_record(tmp_path):
    for number, sha256 in ((1, "one"), (2, "two")):
        model = tmp_path / f"fine-tuned-{number}.safetensors"
        model.touch()
        # Records of other folders name the place where the model was made.
        outputs = {model.name: {"path": f"/elsewhere/{model.name}", "sha256": sha256}}
        write_run(Run("vessels.finetune", {}, {}, {}, outputs, {}), record_path(model))
    assert model_of("two", tmp_path) == tmp_path / "fine-tuned-2.safetensors"
    (tmp_path / "fine-tuned-2.safetensors").unlink()
    assert model_of("two", tmp_path) is None
    assert model_of("three", tmp_path) is None
