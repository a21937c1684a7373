from __future__ import annotations

import pandas as pd
import pytest

from napari_midl.errors import InputError
from napari_midl.volumes.tables import write_table

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
