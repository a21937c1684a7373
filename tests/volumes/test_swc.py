from __future__ import annotations

import pandas as pd
import pytest

from napari_midl.errors import InputError
from napari_midl.volumes.swc import in_pixels, read_swc, write_swc
from napari_midl.volumes.swc_text import COLUMNS

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
        ("1 2 0 0 0 1 -1\n2 2 0 0 0 1 3\n3 2 0 0 0 1 2\n", r"line 2 .*cycle.*\(2 -> 3 -> 2\)"),
        ("1 2 0 0 0 1 -1\n2 2 0 0 0 1 7\n", "line 2 .*parent 7, which no line defines.*-1"),
        ("1 2 0 0 0 1 -1\n\n1 2 0 0 0 1 -1\n", "line 3 repeats .* line 1; leave one"),
        ("1 2 0 0 0 1 -1\n1 2 0 0 9 1 -1\n", "line 2 repeats .* line 1; give each"),
        ("1 2 0 0 0 1 -1\n-1 2 0 0 9 1 1\n", "line 2 numbers its node -1"),
        ("1 2 0 nan 0 1 -1\n", "line 1 .*no number"),
        ("1 2 0 0 0 inf -1\n", "line 1 .*no number"),
        ("1.5 2 0 0 0 1 -1\n", "line 1 .*seven"),
        ("1e99 2 0 0 0 1 -1\n", "line 1 .*seven"),
        ("1 2 1_0 0 0 1 -1\n", "line 1 .*seven"),
        ("x y z id type radius parent\n1 2 0 0 0 1 -1\n", "line 1 .*seven"),
        ("1 2 0 0 0 1 -1\n2 2 0 0 0 0 1 1\n", "line 2 has 8 values, and line 1 has 7"),
        ("1,2,0,5,1,5,0,0,1,0,-1\n", "line 1 has 11 values .*decimal commas"),
        ("# only words\n", "no node"),
        ("id,type,x,y,z,radius,parent\n", "no node"),
        ("\x89PNG\r\n\x1a\n\0\0\0", "no text"),
    ],
)
def test_faulty_files_name_the_line(tmp_path, text, words):
    (tmp_path / "a.swc").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=f"a.swc .*{words}"):
        read_swc(tmp_path / "a.swc")


ROUND = NODES.round(1)
PLAIN = "# a comment\n" + "".join(
    " ".join(f"{value:g}" for value in row) + "\n" for row in ROUND.itertuples(index=False)
)
TEXTS = {
    "tabs": PLAIN.replace(" ", "\t"),
    "commas": PLAIN.replace(" ", ","),
    "commas and spaces": PLAIN.replace(" ", ", "),
    "semicolons": PLAIN.replace(" ", ";"),
    "decimal commas": PLAIN.replace(".", ","),
    "decimal commas and semicolons": PLAIN.replace(".", ",").replace(" ", ";"),
    "windows": PLAIN.replace("\n", "\r\n"),
    "old mac": PLAIN.replace("\n", "\r"),
    "byte order mark": f"\ufeff{PLAIN}",
    "comments at line ends": PLAIN.replace("\n", " # said\n"),
    "indented, with empty lines": PLAIN.replace("\n", "\n\n   "),
    "named columns": f"id,type,x,y,z,radius,parent\n{PLAIN.replace(' ', ',')}",
    "root 0": PLAIN.replace(" -1\n", " 0\n"),
    "root -7": PLAIN.replace(" -1\n", " -7\n"),
    "root itself": PLAIN.replace("0.5 -1\n", "0.5 1\n").replace("1 -1\n", "1 3\n"),
    "eswc": PLAIN.replace("\n", " 1 0 0 0\n").replace("comment 1 0 0 0", "comment"),
    "eswc with features": PLAIN.replace("-1\n", "-1 1 0 0 0\n").replace(" 1\n", " 1 1 0 0 9 9\n"),
    "applied scale": f"# SCALE 2.0 2.0 2.0\n{PLAIN}",
    "whole numbers as decimals": "".join(
        f"{i:.1f} {t:.1f} {x} {y} {z} {r} {p:.1f}\n"
        for i, t, x, y, z, r, p in ROUND.itertuples(index=False)
    ),
}


@pytest.mark.parametrize("dialect", TEXTS)
def test_dialects_are_read(tmp_path, dialect):
    (tmp_path / "a.swc").write_bytes(TEXTS[dialect].encode())
    pd.testing.assert_frame_equal(read_swc(tmp_path / "a.swc"), ROUND)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_encodings_are_read(tmp_path, encoding):
    text = PLAIN.replace("comment", "comment in µm" if encoding == "latin-1" else "comment")
    (tmp_path / "a.swc").write_bytes(text.encode(encoding))
    assert read_swc(tmp_path / "a.swc")["id"].tolist() == [1, 2, 7, 3]


def test_children_may_come_before_their_parents(tmp_path):
    (tmp_path / "a.swc").write_text(
        "3 2 2 0 0 1 2\n4 2 5 0 0 1 -1\n2 2 1 0 0 1 0\n0 2 0 0 0 1 -1\n"
    )
    nodes = read_swc(tmp_path / "a.swc")
    assert nodes["id"].tolist() == [0, 2, 3, 4]
    # As there is a node 0, it is the parent of node 2.
    assert nodes["parent"].tolist() == [-1, 0, 2, -1]


def test_a_radius_may_be_unknown(tmp_path):
    (tmp_path / "a.swc").write_text("1 2 0 0 0 NaN -1\n2 2 1 0 0 1 1\n")
    assert read_swc(tmp_path / "a.swc")["radius"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("header", "position", "pixels"),
    [
        ("# All positions and radii in µm", (10, 20, 30), False),
        ("# All positions and radii in Microns", (10, 20, 30), False),
        ("# All positions and radii in nm", (0.01, 0.02, 0.03), False),
        ("# All positions and radii in pixels", (10, 20, 30), True),
        ("# All positions and radii in furlongs", (10, 20, 30), False),
        ('# Meta: {"id": "7", "units": "1 nanometer"}', (0.01, 0.02, 0.03), False),
        ('# Meta: {"units": "8 nanometer", "id": "7"}', (0.08, 0.16, 0.24), False),
        ("# OFFSET 100.0 200.0 -5", (110, 220, 25), False),
        ("# OFFSET of the slide 3", (10, 20, 30), False),
        ("# SCALE 0.5 0.5 2.0", (10, 20, 30), False),
    ],
)
def test_the_header_says_the_unit_and_from_where_lengths_count(tmp_path, header, position, pixels):
    path = tmp_path / "a.swc"
    path.write_text(f"{header}\n1 2 10 20 30 1 -1\n", encoding="utf-8")
    assert read_swc(path)[["x", "y", "z"]].iloc[0].tolist() == pytest.approx(position)
    assert in_pixels(path) == pixels


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
