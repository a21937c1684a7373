"""Neurons as other programs write them: what was read and not touched is written as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_midl.volumes.space import Space
from napari_midl.volumes.swc import read_swc
from napari_midl.volumes.swc_text import remarks
from napari_midl.volumes.traces import read_traces, write_traces

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

SPACE = Space.of((2.0, 0.325, 0.325), "micrometer")
TURNED = Space.of(
    (2.0, 0.5, 0.5), "micrometer", (100.0, -50.0, 7.0), [[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, -1]]
)

# Several paths, each with branches of its own; one stands alone; names and settings above.
SNT = """\
# Exported from "Simple Neurite Tracer" (SNT, version 4.2.1)
# Cell of a mouse
# All positions and radii in \u00b5m
# Voxel separation (x,y,z): 0.325, 0.325, 2.0
# Fields: id, type, x, y, z, radius, parent

1 2 5.000000 4.000000 6.000000 0.250000 -1
2 2 5.500000 4.123456 6.000000 0.310000 1
3 2 6.000000 4.500000 8.000000 0.420000 2
4 3 5.500000 5.000000 6.000000 0.110000 2
5 3 5.700000 6.000000 6.500000 0.100000 4
6 2 30.000000 8.000000 2.000000 1.000000 -1
7 2 31.000000 8.000000 2.000000 1.250000 6
"""
# A soma of one point from which all grows; two branches at it, one of a single node.
VAA3D = """\
#name neuron 7
#comment traced twice
##n,type,x,y,z,radius,parent
1 1 50 40 10 4.5 -1
2 3 54 41 10 1.5 1
3 3 58 42.25 10.5 1.25 2
4 3 60 46 11 1 3
5 3 61 39 11 1 3
6 2 46 39 9 .75 1
7 4 50 45 10 2 1
"""
ESWC = """\
#name neuron 7
##n,type,x,y,z,radius,parent,seg_id,level,mode,timestamp,TFresindex
1 2 10.5 20.25 3 1 -1 0 1 0 0 1
2 2 11.5 20.25 3 1.5 1 0 1 0 0 1
3 2 12.5 21.25 4 2 2 0 1 0 0 1
4 2 12.5 19.25 4 0.5 2 1 2 0 0 1
5 2 13.5 18.25 4 0.5 4 1 2 0 0 1
"""
# Numbers that do not rise, children before their parents, tabs, several roots, types 0.
NEUTUBE = """\
7\t0\t12.5\t3.5\t1.0\t0.9\t4
4\t0\t11.5\t3.5\t1.0\t1.1\t2
2\t0\t10.5\t3.5\t1.0\t1.3\t-1
9\t0\t11.5\t4.5\t2.0\t0.7\t4
11\t0\t40.0\t4.5\t2.0\t0.7\t-1
12\t0\t41.0\t4.5\t2.0\t0.7\t11
1\t0\t12.0\t5.5\t2.0\t0.6\t9
"""
# A root that is no soma and forks, points that lie upon each other, radii of zero, Windows.
TREES = """\
# TREES toolbox tree - dendrite
# inode R X Y Z D/2 idpar
1 3 0.00000000 0.00000000 0.00000000 2.50000000 -1
2 3 1.00000000 0.00000000 0.00000000 0.00000000 1
3 3 1.00000000 0.00000000 0.00000000 1.00000000 2
4 3 3.00000000 1.00000000 0.00000000 1.00000000 3
5 3 0.00000000 0.00000000 0.00000000 0.50000000 1
6 3 0.00000000 4.00000000 1.00000000 0.50000000 5
""".replace("\n", "\r\n")
# Neurolucida's by way of NeuroMorpho.org: a soma of three points, comments in between.
NEUROMORPHO = """\
# Original file x.asc edited using StdSwc version 1.31 on 1/10/20.
# Irregularities and fixes documented in x.swc.std.
#
1 1 2.0 3.0 1.0 5.18 -1
2 1 2.0 -2.18 1.0 5.18 1
3 1 2.0 8.18 1.0 5.18 1
# the axon
4 2 8.0 3.0 1.0 0.4 1
5 2 12.0 3.5 1.0 0.4 4
6 2 16.0 5.5 1.0 0.35 5
7 2 15.0 1.5 2.0 0.3 5
# a dendrite
8 3 2.0 10.0 1.0 0.9 1
9 3 2.0 15.0 2.5 0.8 8
10 4 -4.0 3.0 0.0 1.1 1
11 4 -9.0 3.0 0.5 1.0 10
"""
# A soma as a row of points, from the middle of which fibres grow.
CONTOUR = """\
1 1 0 0 0 1 -1
2 1 2 0 0 3 1
3 1 4 0 0 3.5 2
4 1 6 0 0 1 3
5 2 4 5 0 0.5 3
6 2 4 9 0 0.5 5
7 3 2 -5 0 0.5 2
8 3 2 -9 1 0.5 7
"""
# Forks and tips as types of their own, custom types, radii below zero, nodes that stand alone.
ODD = """\
1 3 0 0 0 1 -1
2 5 2 0 0 1 1
3 6 4 1 0 -1 2
4 7 4 -1 0 1 2
5 42 6 -2 0 1 4
20 1 30 0 0 6 -1
21 6 40 0 0 1 -1
"""
DIALECTS = {
    "SNT": SNT,
    "Vaa3D": VAA3D,
    "Vaa3D eswc": ESWC,
    "neuTube": NEUTUBE,
    "TREES": TREES,
    "NeuroMorpho": NEUROMORPHO,
    "soma contour": CONTOUR,
    "odd": ODD,
}
# MorphIO refuses fibres that change their type on the way.
READ_BY_MORPHIO = [name for name in DIALECTS if name != "odd"]


@pytest.fixture
def written(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """A file of a dialect, and what is written after it was read."""
    return _written(request.param, SPACE, tmp_path)


def _written(dialect: str, space: Space, tmp_path: Path) -> tuple[Path, Path]:
    theirs = tmp_path / ("theirs.eswc" if "eswc" in dialect else "theirs.swc")
    theirs.write_bytes(DIALECTS[dialect].encode())
    ours = tmp_path / "ours.swc"
    write_traces(ours, read_traces(theirs, space), space)
    return theirs, ours


def _nodes(path: Path) -> pd.DataFrame:
    return read_swc(path).sort_values("id", ignore_index=True)


def _assert_same(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    for column in ("id", "type", "parent"):
        assert ours[column].tolist() == theirs[column].tolist(), column
    for column in ("x", "y", "z", "radius"):
        np.testing.assert_allclose(ours[column], theirs[column], atol=2e-6, err_msg=column)


@pytest.mark.parametrize("written", DIALECTS, indirect=True)
def test_nodes_parents_types_and_radii_are_the_same(written: tuple[Path, Path]) -> None:
    theirs, ours = written
    _assert_same(_nodes(ours), _nodes(theirs))


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("space", [SPACE, TURNED, Space()], ids=["scaled", "turned", "unknown"])
def test_so_they_are_by_way_of_the_table_that_the_project_keeps(
    dialect: str, space: Space, tmp_path: Path
) -> None:
    theirs, ours = _written(dialect, space, tmp_path)
    again = tmp_path / "again.swc"
    write_traces(again, read_traces(ours.with_suffix(".csv"), space), space)
    _assert_same(_nodes(again), _nodes(theirs))


@pytest.mark.parametrize("written", READ_BY_MORPHIO, indirect=True)
def test_morphio_finds_the_same_neuron(written: tuple[Path, Path]) -> None:
    morphio = pytest.importorskip("morphio")
    morphio.set_maximum_warnings(0)
    theirs, ours = (morphio.Morphology(path.read_text(), "swc") for path in written)
    assert len(ours.root_sections) == len(theirs.root_sections)
    assert ours.soma_type == theirs.soma_type
    np.testing.assert_allclose(_sorted(ours.soma.points), _sorted(theirs.soma.points), atol=1e-5)
    np.testing.assert_allclose(_sorted(ours.points), _sorted(theirs.points), atol=1e-5)
    np.testing.assert_allclose(sorted(ours.diameters), sorted(theirs.diameters), atol=1e-5)
    assert sorted(int(t) for t in ours.section_types) == sorted(
        int(t) for t in theirs.section_types
    )


@pytest.mark.parametrize("written", READ_BY_MORPHIO, indirect=True)
def test_neurom_measures_the_same(written: tuple[Path, Path]) -> None:
    neurom = pytest.importorskip("neurom")
    from io import StringIO

    theirs, ours = (neurom.load_morphology(StringIO(p.read_text()), reader="swc") for p in written)
    for feature in (
        "section_lengths",
        "section_branch_orders",
        "section_strahler_orders",
        "section_areas",
        "section_volumes",
        "number_of_neurites",
        "number_of_forking_points",
        "number_of_leaves",
    ):
        one, other = (np.sort(np.atleast_1d(neurom.get(feature, m))) for m in (ours, theirs))
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5, err_msg=feature)


@pytest.mark.parametrize(
    ("dialect", "trees", "somata"),
    [
        ("SNT", 2, 0),
        ("Vaa3D", 1, 1),
        ("Vaa3D eswc", 1, 0),
        ("neuTube", 2, 0),
        ("TREES", 1, 0),
        ("NeuroMorpho", 1, 3),
        ("soma contour", 1, 5),
        ("odd", 3, 1),
    ],
)
def test_a_neuron_is_one_tree_of_traces_with_its_soma(
    dialect: str, trees: int, somata: int, tmp_path: Path
) -> None:
    path = tmp_path / "theirs.swc"
    path.write_bytes(DIALECTS[dialect].encode())
    found = read_traces(path, SPACE)
    by_name = {trace.path: trace for trace in found}
    assert sum(trace.parent is None for trace in found) == trees
    for trace in found:
        if trace.parent is not None:
            there = by_name[trace.parent.path].points[trace.parent.index]
            np.testing.assert_allclose(trace.points[0], there)
    assert sum(trace.is_soma for trace in found) <= somata
    assert any(trace.is_soma for trace in found) == (somata > 0)


def test_a_changed_trace_leaves_the_numbers_of_the_others(tmp_path: Path) -> None:
    path = tmp_path / "theirs.swc"
    path.write_text(NEUROMORPHO)
    traces = read_traces(path, SPACE)
    axon = next(trace for trace in traces if trace.ids[-1] == 6)
    longer = axon.followed_by(axon.part(slice(-1, None), points=axon.points[-1:] + 1))
    changed = [longer if trace is axon else trace for trace in traces]
    write_traces(tmp_path / "ours.swc", changed, SPACE)
    nodes, before = _nodes(tmp_path / "ours.swc"), _nodes(path)
    assert nodes["id"].tolist() == [*range(1, 12), 12]
    assert nodes["parent"].tolist() == [*before["parent"], 6]


def test_radii_that_were_not_measured_are_filled_in(tmp_path: Path) -> None:
    path = tmp_path / "theirs.swc"
    path.write_text("1 2 0 0 0 1 -1\n2 2 1 0 0 NaN 1\n3 2 2 0 0 3 2\n4 2 9 0 0 NaN -1\n")
    write_traces(tmp_path / "ours.swc", read_traces(path, SPACE), SPACE)
    assert _nodes(tmp_path / "ours.swc")["radius"].tolist() == [1, 2, 3, 0.325]


def test_remarks_stay_but_for_what_is_so_no_more(tmp_path: Path) -> None:
    for text, wanted in (
        (SNT, ['Exported from "Simple Neurite Tracer" (SNT, version 4.2.1)', "Cell of a mouse"]),
        (VAA3D, ["name neuron 7", "comment traced twice"]),
        ("# OFFSET 1 2 3\n# SCALE 1 1 1\n1 2 0 0 0 1 -1\n# behind\n", []),
    ):
        path = tmp_path / "theirs.swc"
        path.write_text(text, encoding="utf-8")
        assert remarks(path) == wanted
        about = remarks(path)
        write_traces(tmp_path / "ours.swc", read_traces(path, SPACE), SPACE, about)
        assert remarks(tmp_path / "ours.swc") == wanted


def _sorted(points: np.ndarray) -> np.ndarray:
    """Rows in an order of their own."""
    points = np.round(np.asarray(points, float), 4)
    return points[np.lexsort(points.T)] if len(points) else points
