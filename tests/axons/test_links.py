"""Some of the traces of a tree are saved without the others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from napari_midl.engine.inputs import ImageIn
from napari_midl.engine.jobs import run
from napari_midl.errors import InputError
from napari_midl.methods.axons.links import accepted, on_their_own
from napari_midl.methods.axons.operations import Export
from napari_midl.methods.axons.ports import TracesIn, TracesOut
from napari_midl.volumes.space import Space
from napari_midl.volumes.traces import Link, write_traces


@pytest.fixture
def tree(line):
    trunk = replace(line(range(30), "trunk"), state="accepted")
    branch = replace(line(range(10, 40), "branch"), state="proposed", parent=Link("trunk", 10))
    twig = replace(line(range(20, 50), "twig"), state="accepted", parent=Link("branch", 10))
    return [trunk, branch, twig]


def test_a_trace_whose_parent_stays_behind_begins_a_tree(tree):
    _, branch, twig = tree
    assert on_their_own([branch, twig])[0].parent is None
    assert on_their_own(tree) == tree
    kept = accepted(tree, Path("t.csv"))
    assert [trace.path for trace in kept] == ["trunk", "twig"] and kept[1].parent is None


def test_only_the_accepted_are_exported(tree, plane, tmp_path):
    write_traces(tmp_path / "all.csv", tree, Space())
    for only, names in ((True, ["trunk", "twig"]), (False, ["trunk", "branch", "twig"])):
        out = tmp_path / f"{only}.csv"
        export = Export(
            traces=TracesIn(tmp_path / "all.csv"),
            image=ImageIn.of(plane),
            out=TracesOut(out),
            accepted_only=only,
        )
        run(export.perform())
        table = pd.read_csv(out)
        assert list(table["path"].unique()) == names
        assert set(table["state"]) == ({"accepted"} if only else {"accepted", "proposed"})


def test_a_file_without_accepted_traces_is_refused(tree):
    proposed = [replace(trace, state="proposed") for trace in tree]
    with pytest.raises(InputError, match="no accepted trace; accept some"):
        accepted(proposed, Path("t.csv"))
    silent = [replace(trace, state="") for trace in tree]
    with pytest.raises(InputError, match=r"t.swc does not say .* give the table \(.csv\)"):
        accepted(silent, Path("t.swc"))
