"""A worker that is killed in the middle changes nothing in what a cluster writes."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from napari_midl.engine.jobs import run
from napari_midl.methods import all_operations
from tests.operations.examples import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator

TILES: dict[str, Any] = {
    "vessels.predict": (12, 16, 16),
    "staining.stain": 64,
    "staining.despeckle": 64,
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Three processes, each of which is started again where it ends."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=3, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as made:
        yield made


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.filterwarnings("ignore")  # what dask says of a worker that died
@pytest.mark.parametrize("name", sorted(TILES))
def test_with_a_worker_killed_in_the_middle_it_writes_the_same_bits(name, cluster, tmp_path):
    folder = tmp_path / "inputs"
    folder.mkdir()
    options, output = EXAMPLES[name](folder)
    options |= {"tile": TILES[name]}
    operation = all_operations()[name]
    near = run(operation.of(**options, out=tmp_path / "near" / output).perform()).run.outputs
    far = operation.of(
        **options, out=tmp_path / "far" / output, scheduler=cluster.scheduler_address
    )
    killed = []

    def kill(progress: Any) -> None:
        if progress.preview is not None and not killed:
            killed.append(next(iter(cluster.workers.values())).pid)
            os.kill(killed[0], signal.SIGKILL)

    outcome = run(far.perform(), kill)
    assert killed
    assert [each["sha256"] for each in outcome.run.outputs.values()] == [
        each["sha256"] for each in near.values()
    ]
