"""Annotate, learn, predict and cancel, over and over: nothing is held on to.

Longer with SOAK_ROUNDS, the rounds of each stretch, in the environment.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
import threading
from contextlib import closing
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest

from napari_midl.engine.jobs import run
from napari_midl.methods import all_operations
from napari_midl.methods.vessels.classes import CLASSES
from napari_midl.volumes.annotations import AnnotationStore, Patch
from napari_midl.volumes.open import open_volume
from tests.operations.examples import EXAMPLES, staining_despeckle, vessel_image, vessel_labels

if TYPE_CHECKING:
    from pathlib import Path

WARM_UP, STRETCHES, ROUNDS = 3, 3, int(os.environ.get("SOAK_ROUNDS", "2"))
OPERATIONS = all_operations()


def one_round(inputs: dict[str, Path], shape: dict[str, Any], folder: Path, number: int) -> None:
    """What a person does in a quarter of an hour, in seconds."""
    folder.mkdir()
    store = AnnotationStore(folder / "patches", open_volume(inputs["image"]), CLASSES)
    for stroke in (1, 2):
        labels = np.zeros((12, 48, 48), np.uint8)
        labels[6, 8:40, 4:30], labels[6, 12:17, 4 : 30 + stroke] = 1, 2
        store.save(Patch((0, 0, 0), labels, "patch 1"))
    assert store.load()[1] == []
    finetune, predict = (OPERATIONS[f"vessels.{name}"] for name in ("finetune", "predict"))
    learn = {"image": inputs["image"], "labels": inputs["labels"], "steps": 3, "seed": number}
    with closing(finetune.of(**learn, out=folder / "a.safetensors").perform()) as job:
        next(job)  # and cancelled
    model = folder / "b.safetensors"
    run(finetune.of(**learn, out=model).perform())
    out = folder / "vessels.ome.zarr"
    asked = {"image": inputs["image"], "model": str(model), "tile": (12, 16, 16), "out": out}
    with closing(predict.of(**asked).perform()) as job:
        while next(job).done < 2:
            pass
    run(predict.of(**asked, resume=True).perform())
    with closing(
        OPERATIONS["staining.despeckle"]
        .of(reflectance=inputs["reflectance"], tile=64, out=folder / "clean.ome.zarr")
        .perform()
    ) as job:
        while next(job).done < 1:
            pass
    run(OPERATIONS["anatomy.generate"].of(**shape, out=folder / "bone.ply").perform())
    shutil.rmtree(folder)


def held() -> dict[str, int]:
    """Threads, open files, objects of Python and MiB of this process."""
    for thread in threading.enumerate():
        if thread.name.startswith("napari-midl"):
            thread.join()  # what a cancelled job had begun
    gc.collect()
    process = psutil.Process()
    files = process.num_fds() if hasattr(process, "num_fds") else process.num_handles()
    return {
        "threads": threading.active_count(),
        "files": files,
        "objects": len(gc.get_objects()),
        "MiB": process.memory_info().rss >> 20,
    }


@pytest.mark.skipif(sys.gettrace() is not None, reason="a tracer keeps what it saw of each thread")
def test_nothing_grows_from_round_to_round(tmp_path):
    inputs = {
        "image": vessel_image(tmp_path),
        "labels": vessel_labels(tmp_path),
        "reflectance": staining_despeckle(tmp_path)[0]["reflectance"],
    }
    shape = EXAMPLES["anatomy.generate"](tmp_path)[0]
    for number in range(WARM_UP):
        one_round(inputs, shape, tmp_path / "round", number)
    taken = [held()]
    for stretch in range(STRETCHES):
        for number in range(ROUNDS):
            one_round(inputs, shape, tmp_path / "round", WARM_UP + ROUNDS * stretch + number)
        taken.append(held())
    # What leaks grows in every stretch; pools and caches of libraries grow now and then.
    least = {
        what: min(after[what] - before[what] for before, after in pairwise(taken))
        for what in taken[0]
    }
    assert least["threads"] < ROUNDS, taken
    assert least["files"] < ROUNDS, taken
    assert least["objects"] < 60 * ROUNDS, taken
    assert least["MiB"] < 8 * ROUNDS, taken
