from __future__ import annotations

import pandas as pd
import pytest

from napari_midl.errors import InputError
from napari_midl.volumes.swc import COLUMNS, read_swc, write_swc

NODES = pd.DataFrame(
    [
        (1, 2, 0.0, 1.5, 2.25, 0.5, -1),
        (2, 2, 1.0, 1.5, 2.25, 0.5, 1),
        (7, 2, 1.0, 2.5, 12345.678901, 0.25, 1),
        (3, 0, 5.0, 5.0, 5.0, 1.0, -1),
    ],
    columns=list(COLUMNS),
)


def test_round_trip_with_branch_and_two_roots(tmp_path):
    write_swc(tmp_path / "a.swc", NODES)
    pd.testing.assert_frame_equal(read_swc(tmp_path / "a.swc"), NODES)
    assert [p.name for p in tmp_path.iterdir()] == ["a.swc"]


def test_file_says_its_unit_and_axis_order(tmp_path):
    write_swc(tmp_path / "a.swc", NODES.astype(float)[list(reversed(COLUMNS))])
    lines = (tmp_path / "a.swc").read_text().splitlines()
    comments = " ".join(line for line in lines if line.startswith("#"))
    assert "micrometres" in comments
    assert "x y z" in comments
    assert lines[len(lines) - len(NODES)].split() == [
        *("1", "2", "0.000000", "1.500000", "2.250000", "0.500000", "-1")
    ]


def test_voxels_are_not_called_micrometres(tmp_path):
    write_swc(tmp_path / "a.swc", NODES, unit="voxels")
    header = (tmp_path / "a.swc").read_text().splitlines()[0]
    assert "radius in voxels" in header
    assert "micrometres" not in header


def test_comments_and_blank_lines_are_skipped(tmp_path):
    (tmp_path / "a.swc").write_text("# hello\n\n  1 2 0 0 0 1 -1 # the root\n2 2 0 0 1 1 1\n")
    assert read_swc(tmp_path / "a.swc")["id"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# c\n1 2 0 0 0 1\n", "line 2 .*seven"),
        ("1 2 0 0 zero 1 -1\n", "line 1 .*seven"),
        ("1 2 0 0 0 1 -1\n2 2 0 0 0 1 3\n3 2 0 0 0 1 2\n", "line 2 .*parent 3.*before"),
        ("1 2 0 0 0 1 1\n", "line 1 .*parent 1"),
        ("1 2 0 0 0 1 -1\n\n1 2 0 0 0 1 -1\n", "line 3 .*repeats"),
        ("1 2 0 nan 0 1 -1\n", "line 1 .*no number"),
        ("# only words\n", "no node"),
    ],
)
def test_faulty_files_name_the_line(tmp_path, text, words):
    (tmp_path / "a.swc").write_text(text)
    with pytest.raises(InputError, match=f"a.swc .*{words}"):
        read_swc(tmp_path / "a.swc")


def test_what_is_no_tree_is_not_written(tmp_path):
    (tmp_path / "a.swc").write_text("old")
    for bad in (NODES.iloc[::-1], NODES.drop(columns="radius"), NODES.assign(x=float("nan"))):
        with pytest.raises(InputError, match=r"a\.swc"):
            write_swc(tmp_path / "a.swc", bad)
    assert (tmp_path / "a.swc").read_text() == "old"


def test_missing_files_and_folders_are_said(tmp_path):
    with pytest.raises(InputError, match=r"a\.swc cannot be read"):
        read_swc(tmp_path / "a.swc")
    with pytest.raises(InputError, match=r"a\.swc cannot be written"):
        write_swc(tmp_path / "none" / "a.swc", NODES)
