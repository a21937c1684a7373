"""SWC as NeuroM and swcgeom read it, and as SNT and Vaa3D write it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_midl.volumes.space import Space
from napari_midl.volumes.traces import Trace, read_traces, write_traces

if TYPE_CHECKING:
    from pathlib import Path

SIZE = (2.0, 0.5, 0.5)
SPACE = Space.of(SIZE, "micrometer")


@pytest.fixture
def traces() -> list[Trace]:
    """Two fibres in voxels that bend through all three axes."""
    rng = np.random.default_rng(0)
    return [
        Trace(name, 20 + np.cumsum(rng.normal(0.3, 1, (40, 3)), 0), rng.random(40))
        for name in ("a", "b")
    ]


@pytest.fixture
def swc(traces: list[Trace], tmp_path: Path) -> Path:
    path = tmp_path / "traces.swc"
    write_traces(path, traces, SPACE)
    return path


def test_neurom_reads_the_same_nodes_and_lengths(swc: Path, traces: list[Trace]) -> None:
    neurom = pytest.importorskip("neurom")
    neurites = neurom.load_morphology(swc).neurites
    assert len(neurites) == len(traces)
    for neurite, trace in zip(neurites, traces, strict=True):
        assert neurite.type == neurom.NeuriteType.axon
        wanted = (trace.points * SIZE)[:, ::-1]
        np.testing.assert_allclose(neurite.points[:, :3], wanted, atol=1e-4)
        assert neurom.get("total_length", neurite) == pytest.approx(trace.length(SIZE), rel=1e-5)


def test_swcgeom_reads_the_same_nodes_and_lengths(swc: Path, traces: list[Trace]) -> None:
    core = pytest.importorskip("swcgeom.core")
    # It takes one tree a file.
    for trace in traces:
        path = swc.with_name(f"{trace.path}.swc")
        write_traces(path, [trace], SPACE)
        tree = core.Tree.from_swc(str(path))
        np.testing.assert_allclose(tree.xyz(), (trace.points * SIZE)[:, ::-1], atol=1e-4)
        assert tree.length() == pytest.approx(trace.length(SIZE), rel=1e-5)
        assert tree.pid().tolist() == [-1, *range(len(trace.points) - 1)]


SNT = """\
# Exported from "Simple Neurite Tracer" (SNT)
#
# Format: SWC
# Voxel separation (x,y,z): 0.5, 0.5, 2.0
# id, type, x, y, z, r, parent

1 2 5.000000 4.000000 6.000000 0.250000 -1
2 2 5.500000 4.000000 6.000000 0.250000 1
3 2 6.000000 4.500000 8.000000 0.250000 2
4 3 5.500000 5.000000 6.000000 0.250000 2
"""
VAA3D = """\
#name undefined
#comment
##n,type,x,y,z,radius,parent
1 2 5 4 6 1 -1
2 2 5.5 4 6 1 1
3 2 6 4.5 8 1 2
4 3 5.5 5 6 1 2
"""


@pytest.mark.parametrize("text", [SNT, VAA3D], ids=["SNT", "Vaa3D"])
def test_what_other_programs_write_is_read(text: str, tmp_path: Path) -> None:
    path = tmp_path / "theirs.swc"
    path.write_text(text)
    found = read_traces(path, SPACE)
    wanted = [
        [(3, 8, 10), (3, 8, 11)],
        [(3, 8, 11), (4, 9, 12)],
        [(3, 8, 11), (3, 10, 11)],
    ]
    assert [[tuple(point) for point in trace.points.tolist()] for trace in found] == wanted
