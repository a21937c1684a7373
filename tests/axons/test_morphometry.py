"""Measures of trees, against NeuroM reading the same file."""

from __future__ import annotations

import io

import morphio
import neurom
import numpy as np
import pytest

from napari_midl.methods.axons.morphometry import (
    orders,
    sholl,
    sholl_table,
    trace_table,
    tree_table,
)
from napari_midl.volumes.space import Space
from napari_midl.volumes.traces import Link, Trace, read_traces

SPACE = Space.of((2.0, 0.5, 0.5), "micrometer")


def _random_tree(rng, soma, somata=1):
    """SWC text of a tree that forks at random, with a soma of a point or without."""
    rows = [(1, 1 if soma else 3, 0.0, 0.0, 0.0, 5.0 if soma else 0.8, -1)]
    tips = [1] * (3 if soma else 1)
    while len(rows) < 160:
        tip = tips.pop(int(rng.integers(len(tips))))
        for _ in range(2 if rng.random() < 0.12 and tip != 1 else 1):
            place = np.asarray(rows[tip - 1][2:5]) + rng.normal(0.6, 2, 3)
            number = len(rows) + 1
            rows.append((number, 3, *place.tolist(), float(rng.uniform(0.2, 1)), tip))
            tips.append(number)
    return "".join(
        " ".join(f"{v:.6f}" if isinstance(v, float) else str(v) for v in r) + "\n" for r in rows
    )


@pytest.fixture(params=[(0, True), (1, True), (2, False), (3, False)], ids=str)
def both(request, tmp_path):
    """Traces that were read, and what NeuroM read."""
    seed, soma = request.param
    path = tmp_path / "tree.swc"
    path.write_text(_random_tree(np.random.default_rng(seed), soma))
    return read_traces(path, SPACE), neurom.load_morphology(path)


def test_a_tree_measures_what_neurom_measures(both):
    traces, theirs = both
    (row,) = tree_table(traces, SPACE).to_dict("records")
    for column, feature in {
        "length (µm)": "total_length",
        "branch points": "number_of_forking_points",
        "tips": "number_of_leaves",
        "surface (µm²)": "total_area",
        "volume (µm³)": "total_volume",
    }.items():
        assert row[column] == pytest.approx(neurom.get(feature, theirs), rel=1e-4), column
    order = neurom.get("section_branch_orders", theirs)
    lengths = neurom.get("section_lengths", theirs)
    assert row["highest branch order"] == max(order)
    assert row["Strahler order"] == max(neurom.get("section_strahler_orders", theirs))
    assert row["mean tortuosity"] == pytest.approx(
        np.mean(neurom.get("section_tortuosity", theirs)), rel=1e-4
    )
    for k in range(max(order) + 1):
        wanted = sum(n for n, o in zip(lengths, order, strict=True) if o == k)
        assert row[f"length of order {k} (µm)"] == pytest.approx(wanted, rel=1e-4)


def test_paths_of_a_file_are_the_sections_of_neurom(both):
    traces, theirs = both
    table = trace_table(traces, SPACE)
    table = table[table["type"] != "soma"]
    for column, feature in {
        "length (µm)": "section_lengths",
        "branch order": "section_branch_orders",
        "Strahler order": "section_strahler_orders",
        "surface (µm²)": "section_areas",
        "volume (µm³)": "section_volumes",
        "tortuosity": "section_tortuosity",
    }.items():
        wanted = sorted(neurom.get(feature, theirs))
        np.testing.assert_allclose(sorted(table[column]), wanted, rtol=1e-3, err_msg=column)


def test_sholl_counts_what_neurom_counts(both):
    traces, theirs = both
    (root,) = (trace.path for trace in traces if trace.parent is None)
    centre = [0.0, 0.0, 0.0]
    for step in (None, 3.7):
        radii, counts = sholl(traces, SPACE, root, step)
        assert 5 <= len(radii) <= 51 and counts.sum() > 0
        wanted = neurom.get("sholl_crossings", theirs, center=centre, radii=radii)
        assert counts.tolist() == list(wanted)
    table = sholl_table(traces, SPACE, 3.7)
    assert table["intersections"].tolist() == counts.tolist()
    assert list(table.columns) == ["tree", "radius (µm)", "intersections"]


def _straight(name, start, end, parent=None, radius=2.0, kind=2, count=11):
    points = np.linspace(start, end, count)
    return Trace(
        name,
        points,
        np.zeros(count),
        parent=parent,
        radius=np.full(count, radius),
        kinds=np.full(count, kind),
    )


@pytest.fixture
def neuron():
    """A soma, an axon with two branches on its way, and a dendrite."""
    return [
        _straight("soma", (0, 0, 0), (0, 0, 0), radius=10.0, kind=1, count=1),
        _straight("axon", (0, 0, 10), (0, 0, 110), Link("soma", 0)),
        _straight("one", (0, 0, 40), (0, 30, 40), Link("axon", 3), radius=1.0),
        _straight("two", (0, 0, 70), (0, -20, 70), Link("axon", 6), radius=1.0),
        _straight("dendrite", (0, 0, -10), (0, 0, -60), Link("soma", 0), kind=3),
    ]


def test_orders_of_traces_that_go_on_past_their_branches(neuron):
    found = orders(neuron)
    assert {p: (o.path, o.branch, o.strahler) for p, o in found.items()} == {
        "soma": (0, 0, 0),
        "axon": (1, 0, 2),
        "one": (2, 1, 1),
        "two": (2, 2, 1),
        "dendrite": (1, 0, 1),
    }


def test_measures_are_in_the_unit_of_the_image(neuron):
    (row,) = tree_table(neuron, SPACE).to_dict("records")
    assert row["length (µm)"] == pytest.approx(0.5 * (100 + 30 + 20 + 50))
    assert (row["traces"], row["branch points"], row["tips"]) == (5, 2, 4)
    table = trace_table(neuron, SPACE).set_index("path")
    assert table.loc["axon", "length (µm)"] == pytest.approx(50)
    assert table.loc["axon", "mean radius (µm)"] == pytest.approx(1.0)
    assert table.loc["axon", "surface (µm²)"] == pytest.approx(2 * np.pi * 50, rel=1e-5)
    assert table.loc["axon", "volume (µm³)"] == pytest.approx(np.pi * 50, rel=1e-5)
    assert table["type"].tolist() == ["soma", "axon", "axon", "axon", "dendrite"]
    assert table["grows from"].tolist() == ["", "soma", "axon", "axon", "soma"]
    assert set(table["tree"]) == {"soma"}
    assert "length (voxel)" in tree_table(neuron, Space())


def test_what_has_no_width_has_no_surface(line):
    traces = [line(range(5)), line([7], "point")]
    table = tree_table(traces, SPACE)
    assert table["length (µm)"].tolist() == [2.0, 0.0]
    assert table["surface (µm²)"].isna().all() and table["mean radius (µm)"].isna().all()
    assert trace_table(traces, SPACE)["volume (µm³)"].isna().all()


def test_neurom_is_quiet_and_a_fork_at_the_root_is_one(tmp_path):
    path = tmp_path / "fork.swc"
    path.write_text("1 2 0 0 0 1 -1\n2 2 5 0 0 1 1\n3 2 0 6 0 1 1\n4 2 0 9 0 1 3\n")
    (row,) = tree_table(read_traces(path, SPACE), SPACE).to_dict("records")
    theirs = neurom.load_morphology(io.StringIO(path.read_text()), reader="swc")
    assert row["branch points"] == neurom.get("number_of_forking_points", theirs) == 1
    assert row["length (µm)"] == pytest.approx(14) == neurom.get("total_length", theirs)
    assert isinstance(theirs.to_morphio(), morphio.Morphology)


def test_a_negative_radius_is_one_that_nobody_knows(tmp_path):
    (tmp_path / "a.swc").write_text("1 2 0 0 0 -1 -1\n2 2 4 0 0 -1 1\n3 2 9 0 0 -1 2\n")
    traces = read_traces(tmp_path / "a.swc", SPACE)
    for table in (trace_table(traces, SPACE), tree_table(traces, SPACE)):
        (row,) = table.to_dict("records")
        assert row["length (µm)"] == pytest.approx(9)
        for column in ("mean radius (µm)", "surface (µm²)", "volume (µm³)"):
            assert np.isnan(row[column]), column
