"""Two operations at once in one process, as when a person traces while the tracker learns."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from napari_midl.engine.jobs import run
from napari_midl.methods import all_operations
from tests.operations.examples import EXAMPLES

if TYPE_CHECKING:
    from pathlib import Path

OPERATIONS = all_operations()
PAIRS = [
    ("vessels.predict", "vessels.finetune"),
    ("axons.trace", "axons.finetune"),
    ("staining.stain", "staining.train-despeckler"),
    ("axons.train", "vessels.finetune"),
]


def outputs(name: str, options: dict[str, Any], out: Path) -> dict[str, str]:
    """The hashes of what an operation writes."""
    done = run(OPERATIONS[name].of(**options, out=out).perform())
    return {file: each["sha256"] for file, each in done.run.outputs.items()}


@pytest.mark.parametrize("pair", PAIRS, ids=" beside ".join)
@pytest.mark.usefixtures("two_threads")
def test_each_gives_what_it_gives_alone(pair, tmp_path):
    wanted = {}
    for name in pair:
        inputs = tmp_path / name
        inputs.mkdir()
        options, output = EXAMPLES[name](inputs)
        # Dropout draws, where there is any, so that a shared generator would show.
        if name == "vessels.predict":
            options |= {"uncertainty": True, "samples": 2}
        wanted[name] = options, output
    alone = {
        name: outputs(name, options, tmp_path / "alone" / name / out)
        for name, (options, out) in wanted.items()
    }
    with ThreadPoolExecutor(len(pair)) as threads:
        beside = {
            name: threads.submit(outputs, name, options, tmp_path / "beside" / name / out)
            for name, (options, out) in wanted.items()
        }
    assert {name: each.result() for name, each in beside.items()} == alone
