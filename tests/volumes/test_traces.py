"""Traces as tables and as SWC come back as they were."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_midl.errors import InputError
from napari_midl.volumes.space import Space
from napari_midl.volumes.swc import read_swc
from napari_midl.volumes.swc_frame import swc_size
from napari_midl.volumes.traces import (
    Seed,
    Trace,
    measurements,
    read_seeds,
    read_traces,
    swc_unit,
    write_traces,
)

if TYPE_CHECKING:
    from pathlib import Path

SIZE = (2.0, 0.5, 0.5)
SPACE = Space.of(SIZE, "micrometer")


def traces() -> list[Trace]:
    first = np.array([[0.0, 1.0, 1.0], [0.0, 1.0, 4.0], [1.0, 1.0, 4.0]])
    second = np.array([[3.0, 9.5, 2.25], [3.0, 8.0, 2.0]])
    return [Trace("a", first, np.array([0.1, 0.2, 0.9])), Trace("b", second, np.array([0.5, 0.25]))]


@pytest.mark.parametrize("ending", [".csv", ".swc"])
def test_traces_come_back(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"traces{ending}"
    write_traces(path, traces(), SPACE)
    back = read_traces(path, SPACE)
    assert len(back) == 2
    for old, new in zip(traces(), back, strict=True):
        np.testing.assert_allclose(new.points, old.points, atol=1e-5)


def test_swc_is_in_micrometres_with_the_uncertainty_beside_it(tmp_path: Path) -> None:
    write_traces(tmp_path / "traces.swc", traces(), SPACE)
    nodes = read_swc(tmp_path / "traces.swc")
    assert nodes[["x", "y", "z"]].iloc[2].tolist() == [2.0, 0.5, 2.0]
    assert nodes["parent"].tolist() == [-1, 1, 2, -1, 4]
    beside = read_traces(tmp_path / "traces.csv", SPACE)
    assert beside[0].uncertainty.tolist() == pytest.approx([0.1, 0.2, 0.9])


def test_a_doubt_that_nobody_told_is_none_and_stays_so(tmp_path: Path) -> None:
    write_traces(tmp_path / "traces.swc", traces(), SPACE)
    (tmp_path / "bare.csv").write_text("path,y,x\na,1,1\na,1,4\n", encoding="utf-8")
    for name in ("traces.swc", "bare.csv"):
        found = read_traces(tmp_path / name, SPACE)
        assert all(np.isnan(trace.uncertainty).all() and not trace.is_told for trace in found)
        table = measurements(found, SIZE, "micrometer")
        assert table[["mean uncertainty", "highest uncertainty"]].isna().all(axis=None)
    part = replace(traces()[0], uncertainty=np.array([np.nan, 0.2, 0.9]))
    write_traces(tmp_path / "part.csv", [part], SPACE)
    assert (tmp_path / "part.csv").read_text().splitlines()[1].endswith(",")
    (back,) = read_traces(tmp_path / "part.csv", SPACE)
    np.testing.assert_allclose(back.uncertainty, part.uncertainty)
    row = measurements([back], SIZE, "micrometer").iloc[0]
    assert row["mean uncertainty"] == pytest.approx(0.55)
    assert row["highest uncertainty"] == 0.9


def test_swc_claims_micrometres_only_where_the_image_has_a_length(tmp_path: Path) -> None:
    for unit, size, word in (
        ("millimeter", (2000.0, 500.0, 500.0), "micrometres"),
        (None, SIZE, "voxels"),
        ("pixel", SIZE, "voxels"),
    ):
        space = Space.of(SIZE, unit)
        assert (swc_size(space), swc_unit(space)) == (pytest.approx(size), word)
        path = tmp_path / f"{unit}.swc"
        write_traces(path, traces(), space)
        assert f"radius in {word} from the middle of the first voxel\n" in path.read_text()
        back = read_traces(path, space)
        np.testing.assert_allclose(back[0].points, traces()[0].points, atol=1e-5)


def test_what_a_person_decided_comes_back_with_names_as_written(tmp_path: Path) -> None:
    judged = [
        replace(trace, path=name, state=state, why="border", placed_by="person")
        for trace, name, state in zip(traces(), ("01", "1"), ("accepted", ""), strict=True)
    ]
    write_traces(tmp_path / "traces.csv", judged, SPACE)
    back = read_traces(tmp_path / "traces.csv", SPACE)
    assert [(t.path, t.state, t.why, t.placed_by) for t in back] == [
        ("01", "accepted", "border", "person"),
        ("1", "", "border", "person"),
    ]
    assert measurements(back, SIZE, None)["state"].tolist() == ["accepted", ""]
    write_traces(tmp_path / "plain.csv", traces(), SPACE)
    header = (tmp_path / "plain.csv").read_text().splitlines()[0]
    assert header == "path,index,z,y,x,uncertainty"


def test_a_branched_swc_is_cut_into_paths(tmp_path: Path) -> None:
    path = tmp_path / "branched.swc"
    path.write_text("1 2 0 0 0 1 -1\n2 2 1 0 0 1 1\n3 2 2 0 0 1 2\n4 2 1 1 0 1 2\n")
    found = read_traces(path, Space())
    assert [trace.points[:, 2].tolist() for trace in found] == [[0, 1], [1, 2], [1, 1]]


def test_length_and_tortuosity() -> None:
    table = measurements(traces(), SIZE, "micrometer")
    assert table["length (µm)"][0] == pytest.approx(1.5 + 2.0)
    assert table["tortuosity"][0] == pytest.approx(3.5 / 2.5)
    assert table["highest uncertainty"][0] == pytest.approx(0.9)


def test_seeds_may_have_depth_and_direction(tmp_path: Path) -> None:
    path = tmp_path / "seeds.csv"
    path.write_text("path,y,x,z,dy,dx,dz\na,1,2,3,0,1,0.5\nb,4,5,6,,,\n")
    first, second = read_seeds(path)
    assert first.position == (3.0, 1.0, 2.0)
    assert first.direction == (0.5, 0.0, 1.0)
    assert second.direction is None


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.csv or \.swc"):
        write_traces(tmp_path / "traces.txt", traces(), SPACE)


def test_seeds_are_read_from_tables_as_people_have_them(tmp_path: Path) -> None:
    path = tmp_path / "seeds.csv"
    path.write_text(
        '\ufeff,z,path,y,x,note\r\n0,3,"fibre, left",1.5, "2",\r\n\r\n1,0,02,4,5,7\r\n,,,,,\r\n',
        encoding="utf-8",
    )
    assert read_seeds(path) == [
        Seed("fibre, left", (3.0, 1.5, 2.0)),
        Seed("02", (0.0, 4.0, 5.0)),
    ]


def test_the_line_of_a_repeated_name_is_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "seeds.csv"
    path.write_text("path,y,x\na,1,2\n\nb,1,2\n\na,3,4\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"seeds\.csv line 6 repeats the path a;"):
        read_seeds(path)


def test_an_swc_in_pixels_is_read_as_it_says(tmp_path: Path) -> None:
    path = tmp_path / "snt.eswc"
    path.write_text(
        "# All positions and radii in pixels\n1 2 3 4 1 1 -1 0 0\n2 2 5 6 2 1 1 0 0\n",
        encoding="utf-8",
    )
    for space in (SPACE, TURNED, Space()):
        (found,) = read_traces(path, space, (4, 12, 12))
        assert found.points.tolist() == [[1, 4, 3], [2, 6, 5]]


@pytest.mark.parametrize("read", [read_seeds, lambda path: read_traces(path, Space())])
def test_a_row_without_a_path_is_a_sentence(tmp_path: Path, read) -> None:
    path = tmp_path / "points.csv"
    path.write_text("path,y,x\na,1,2\n\n  ,4,5\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"points\.csv line 4 has no path"):
        read(path)


TURNED = Space.of(
    SIZE, "micrometer", (100.0, -50.0, 7.0), [[0.6, -0.8, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, -1.0]]
)


def test_swc_lies_in_the_world_beside_its_image(tmp_path: Path) -> None:
    path = tmp_path / "traces.swc"
    write_traces(path, traces(), TURNED)
    # The first trace ends at voxel z 1, y 1, x 4: 2 um along x, 0.5 along y and 2 along z.
    x, y, z = 100 + 0.6 * 2 - 0.8 * 0.5, -50 + 0.8 * 2 + 0.6 * 0.5, 7 - 2.0
    assert read_swc(path)[["x", "y", "z"]].iloc[2].tolist() == pytest.approx([x, y, z])
    assert "micrometres of the world\n" in path.read_text()
    for old, new in zip(traces(), read_traces(path, TURNED, (4, 12, 12)), strict=True):
        np.testing.assert_allclose(new.points, old.points, atol=1e-5)


def test_swc_that_counts_from_the_first_voxel_is_still_found(tmp_path: Path) -> None:
    path = tmp_path / "snt.swc"
    write_traces(path, traces(), TURNED.without_place())
    path.write_text("\n".join(path.read_text().splitlines()[2:]))
    back = read_traces(path, TURNED, (4, 12, 12))
    np.testing.assert_allclose(back[0].points, traces()[0].points, atol=1e-5)
    # Nothing says what else it could be: it is left where it says that it is.
    assert (read_traces(path, TURNED, (1, 2, 2))[0].points < 0).any()


def test_half_a_direction_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "seeds.csv"
    path.write_text("path,y,x,dy\na,1,2,1\n")
    with pytest.raises(InputError, match="has the column dy and no dx"):
        read_seeds(path)
