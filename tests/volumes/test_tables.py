from __future__ import annotations

import pandas as pd
import pytest

from napari_midl.errors import InputError
from napari_midl.volumes.tables import numbers, read_table, write_table

TABLE = pd.DataFrame({"branch": [1, 2], "length (micrometer)": [1.25, 3.5], "µ": ["a", "b, c"]})


def test_round_trip_keeps_units_in_the_header(tmp_path):
    write_table(TABLE, tmp_path / "a.csv")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "a.csv"), TABLE)
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]


def test_failed_write_leaves_the_old_file(tmp_path):
    class Broken:
        def __str__(self):
            raise OSError(28, "No space left on device")

    (tmp_path / "a.csv").write_text("old")
    with pytest.raises(InputError, match=r"a\.csv cannot be written \(No space left"):
        write_table(pd.DataFrame({"a": [Broken()]}), tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]


def test_missing_folder_is_said(tmp_path):
    with pytest.raises(InputError, match=r"a\.csv cannot be written"):
        write_table(TABLE, tmp_path / "none" / "a.csv")


@pytest.fixture
def read(tmp_path):
    def read(text, optional=("z",), encoding="utf-8"):
        (tmp_path / "a.csv").write_bytes(text.encode(encoding))
        return read_table(tmp_path / "a.csv", ("path", "y", "x"), optional)

    return read


PLAIN = "path,y,x\na,34,20\nb,70,50\n"


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        f"\ufeff{PLAIN}",
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace(",", " , "),
        PLAIN.replace("\n", "\n\n"),
        f"\n{PLAIN}\n\n",
        PLAIN.replace("\n", ",,\n"),
        f"{PLAIN},,\n,,,,\n",
        PLAIN.replace("34", '"34"').replace("path", '"path"'),
        PLAIN.replace("50\n", "50,,\n"),
    ],
    ids=range(11),
)
def test_tables_are_read_as_people_have_them(read, text):
    table = read(text)
    assert table.columns.tolist() == ["path", "y", "x"]
    assert table.to_numpy().tolist() == [["a", "34", "20"], ["b", "70", "50"]]


def test_other_columns_are_kept_and_names_are_no_numbers(read):
    table = read(',path,y,x,note\n0,01,1,2,"two\nlines, one"\n1,NA,3,4,\n')
    assert table["path"].tolist() == ["01", "NA"]
    assert table["note"].tolist() == ["two\nlines, one", None]
    assert table.index.tolist() == [2, 4]


def test_a_long_table_is_read(read):
    table = read("path,y,x\n" + "".join(f"{k},{k / 7},{k}\n" for k in range(200_000)))
    assert len(table) == table.index[-1] - 1 == 200_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty; write path,y,x"),
        ("\n,,\n", "is empty; write path,y,x"),
        ("path,y,x\n", "holds no row"),
        ("path;y;x\na;34,0;20,0\n", "line 1 has semicolons .*decimal point"),
        ("\npath\ty\tx\na\t34\t20\n", "line 2 has tabs"),
        ("path y x\na 34 20\n", "line 1 has spaces"),
        ("Path,Y,x\na,34,20\n", "names Path,Y; write path,y instead"),
        ("path,y,x,Z\na,34,20,1\n", "names Z; write z instead"),
        ("name,Y,X\na,34,20\n", "lacks the column path"),
        ("path,y\na,34\n", "lacks the column x"),
        ("path,y,x,y\na,34,20,7\n", "has 2 columns named y"),
        ("path,y,x\na,34,5,20,5\n", "line 2 has 5 values.*decimal point"),
        ("path,y,x\na,34,20\n\nb,34,20,7\n", "line 4 has 4 values"),
        ('path,y,x\na,1,2\n"b,34,20\n' + "c,1,2\n" * 30_000, "line 3 .*quotes"),
        ("path,y,x\n\0,1,2", "is no text"),
    ],
    ids=range(15),
)
def test_what_is_no_such_table_is_a_sentence(read, text, words):
    with pytest.raises(InputError, match=rf"a\.csv {words}.*\.$"):
        read(text)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "cp1252"])
def test_other_encodings_are_a_sentence(read, encoding):
    words = "line 3 has a letter" if encoding == "cp1252" else "is text in UTF-16"
    with pytest.raises(InputError, match=rf"a\.csv {words}.*; save it as CSV in UTF-8\.$"):
        read(PLAIN.replace("b", "é") if encoding == "cp1252" else PLAIN, encoding=encoding)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ('"1,234"', "'1,234' as y; write a number with a decimal point and no comma"),
        ('"34,5"', "'34,5' as y; write a number with a decimal point and no comma"),
        ("nan", "'nan' as y; write a number"),
        ("inf", "'inf' as y; write a number"),
        ("34 px", "'34 px' as y; write a number"),
        ("", "nothing as y; write a number"),
    ],
)
def test_what_is_no_number_is_a_sentence(read, tmp_path, value, words):
    table = read(f"path,y,x\na,1,2\n\nb,{value},3\n")
    with pytest.raises(InputError, match=rf"a\.csv line 4 has {words}\.$"):
        numbers(tmp_path / "a.csv", table, ["x", "y"])
    assert numbers(tmp_path / "a.csv", table, ["x"])["x"].tolist() == [2.0, 3.0]
