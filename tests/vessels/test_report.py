"""The numbers that a paper reports, against those computed by hand."""

from __future__ import annotations

import math

import nibabel
import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_midl.cli import main
from napari_midl.engine.jobs import run
from napari_midl.errors import InputError
from napari_midl.methods.vessels.analyse import analyse
from napari_midl.methods.vessels.operations import Analyse
from napari_midl.methods.vessels.report import with_units
from napari_midl.volumes.volume import Volume


def volume(mask: np.ndarray, scale=(2.0, 1.0, 0.5), unit="micrometer") -> Volume:
    return Volume.from_array(mask, scale=scale, units=(unit,) * 3, name="mask")


def whole(mask: np.ndarray, **how) -> pd.Series:
    return run(analyse(volume(mask, **how))).summary.iloc[0]


def line() -> np.ndarray:
    mask = np.zeros((5, 9, 50), bool)
    mask[2, 4, 3:44] = True
    return mask


def test_a_straight_line():
    found = whole(line())
    # 41 voxels along x are 40 steps of 0.5 um; the image is 10 x 9 x 25 um.
    volume = 10 * 9 * 25 * 1e-9
    assert found["volume"] == pytest.approx(volume)
    assert found["vessel_volume"] == pytest.approx(41 * 1e-9)
    assert found["volume_fraction"] == pytest.approx(41 / (5 * 9 * 50))
    assert (found["segments"], found["branch_points"]) == (1, 0)
    assert found["length"] == pytest.approx(20)
    assert found["length_density"] == pytest.approx(0.020 / volume)
    # The nearest voxel outside is one of y away, and at the two ends one of x.
    assert found["median_radius"] == pytest.approx(1)
    assert found["mean_radius"] == pytest.approx((38 * 1 + 2 * 0.75) / 40)
    assert found["tortuosity"] == pytest.approx(1)


def test_a_bend_is_as_tortuous_as_its_sides_say():
    mask = np.zeros((3, 30, 40), bool)
    mask[1, 3, 3:34] = mask[1, 3:24, 33] = True
    found = whole(mask, scale=(1.0, 1.0, 1.0))
    # Thinning cuts the corner: 29 and 19 steps and a diagonal one.
    assert found["length"] == pytest.approx(29 + 19 + math.sqrt(2))
    assert found["tortuosity"] == pytest.approx(found["length"] / math.hypot(30, 20))


def test_a_y_has_one_branch_point_and_three_segments():
    mask = np.zeros((3, 61, 61), bool)
    mask[1, 30, :31] = True
    for i in range(30):
        mask[1, 30 + i, 30 + i] = mask[1, 30 - i, 30 + i] = True
    found = whole(mask, scale=(1.0, 1.0, 1.0))
    assert (found["segments"], found["branch_points"]) == (3, 1)
    assert found["length"] == pytest.approx(30 + 2 * 29 * math.sqrt(2))
    assert found["branch_point_density"] == pytest.approx(1 / (3 * 61 * 61 * 1e-9))
    assert found["tortuosity"] == pytest.approx(1)


def test_what_lies_within_one_branch_point_is_no_segment():
    """Four thick arms meet in a blob whose skeleton has several voxels with three neighbours."""
    mask = np.zeros((9, 60, 60), bool)
    mask[3:6, 28:32, 4:56] = mask[3:6, 4:56, 28:32] = True
    graph = run(analyse(volume(mask, scale=(1.0, 1.0, 1.0)), min_length=8))
    found = graph.summary.iloc[0]
    assert found["segments"] == len(graph.branches) == len(graph.paths)
    assert found["segments"] <= 5 and found["branch_points"] in (1, 2)


def test_a_ring_is_one_segment_without_a_branch_point_or_a_tortuosity():
    z, y, x = np.indices((17, 80, 80))
    away = np.hypot(y - 39.5, x - 39.5) - 25
    found = whole(np.hypot(z - 8, away) <= 5.2, scale=(1.0, 1.0, 1.0))
    assert (found["segments"], found["branch_points"]) == (1, 0)
    assert np.isnan(found["tortuosity"])
    # A circle of voxels is at most 8 % longer than the circle.
    assert 2 * math.pi * 25 <= found["length"] * 1.02 <= 2 * math.pi * 25 * 1.1
    assert found["mean_radius"] == pytest.approx(5.2, abs=0.7)
    assert found["vessel_volume"] == pytest.approx(2 * math.pi**2 * 25 * 5.2**2 * 1e-9, rel=0.02)
    assert found["surface_area"] == pytest.approx(4 * math.pi**2 * 25 * 5.2 * 1e-6, rel=0.06)
    assert found["surface_density"] == pytest.approx(found["surface_area"] / found["volume"])


@pytest.mark.parametrize("scale", [(1.0, 1.0, 1.0), (2.0, 1.0, 1.0)])
def test_the_surface_of_a_tube_that_runs_through_the_image(scale):
    z, y, _ = (np.indices((31, 61, 60)).T * scale).T
    tube = np.hypot(z - scale[0] * 15, y - 30) <= 9.2
    found = whole(tube, scale=scale)
    # Its ends lie at the border of the image and are no surface.
    assert found["surface_area"] == pytest.approx(2 * math.pi * 9.2 * 59 * 1e-6, rel=0.08)


def test_radii_are_weighted_by_length():
    mask = np.zeros((40, 40, 160), bool)
    z, y, _ = np.indices(mask.shape)
    round_ = np.hypot(z - 10, y - 10)
    mask[:, :, 5:115] = (round_ <= 3.2)[:, :, 5:115]
    mask |= (np.hypot(z - 28, y - 28) <= 8.2) & (np.arange(160) >= 20) & (np.arange(160) < 70)
    found = whole(mask, scale=(1.0, 1.0, 1.0))
    # About 105 of the thin one and 35 of the thick one, whose ends are thinned away.
    assert found["median_radius"] == pytest.approx(3.6, abs=0.5)
    assert found["median_radius"] + 0.3 < found["mean_radius"] < 6


def test_each_region_has_its_own_row(tmp_path):
    mask, regions = line(), np.zeros((5, 9, 50), np.uint16)
    regions[:, :, :10], regions[:, :, 10:40] = 7, 2
    # The step from voxel 9 to 10 has its middle on the border, which is rounded to the even one.
    found = run(
        analyse(volume(mask), regions=Volume.from_array(regions, name="atlas"))
    ).summary.set_index("region")
    assert list(found.index) == ["all", "2", "7"]
    assert found["length"]["2"] == pytest.approx(15)
    assert found["length"]["7"] == pytest.approx(3)
    assert found["volume_fraction"]["2"] == pytest.approx(30 / (5 * 9 * 30))
    assert list(found["segments"]) == [1, 1, 0]


def test_without_a_voxel_size_all_is_in_voxels():
    summary = run(analyse(Volume.from_array(line(), name="mask"))).summary
    found = with_units(summary, "voxel").iloc[0]
    assert found["length density (voxel/voxel³)"] == pytest.approx(40 / 2250)
    assert found["volume (voxel³)"] == 2250


def test_the_command_prints_and_writes_them(tmp_path, capsys):
    path, atlas = tmp_path / "mask.nii.gz", tmp_path / "atlas.nii.gz"
    regions = np.ones((5, 9, 50), np.uint8)
    for array, name in ((line().astype(np.uint8), path), (regions, atlas)):
        image = nibabel.Nifti1Image(array.T, np.diag([0.0005, 0.001, 0.002, 1]))
        image.header.set_xyzt_units("mm")
        nibabel.save(image, name)
    out = tmp_path / "summary.csv"
    words = ["vessels", "analyse", path, "--regions", atlas, "--table", "summary", "--out", out]
    with pytest.raises(SystemExit) as ended:
        main(list(map(str, words)))
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert "volume fraction: 1.82%" in printed and "total length: 0.02 mm" in printed
    table = pd.read_csv(out, dtype={"region": str})
    assert list(table["region"]) == ["all", "1"]
    assert table["length density (mm/mm³)"][1] == pytest.approx(0.020 / 2250e-9, rel=1e-4)
    assert list(table["mask"]) == ["mask.nii.gz"] * 2


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.full((4, 8, 8), 0.3, np.float32), "holds fractions, like a probability"),
        (np.ones((4, 8, 8), np.uint8), "is vessel everywhere"),
        (np.arange(4 * 8 * 8, dtype=np.uint8).reshape(4, 8, 8), "holds intensities, like an image"),
    ],
)
def test_what_is_no_mask_is_named(mask, said):
    with pytest.raises(InputError, match=f"mask {said}"):
        run(analyse(volume(mask)))


def test_regions_that_are_none_are_named(tmp_path):
    mask, image = tmp_path / "mask.tif", tmp_path / "image.tif"
    tifffile.imwrite(mask, line().astype(np.uint8))
    tifffile.imwrite(image, line().astype(np.float32))
    with pytest.raises(InputError, match="image holds float32 values; give integers"):
        run(Analyse.of(mask=mask, regions=image, out=tmp_path / "a.csv").perform())
    tifffile.imwrite(tmp_path / "small.tif", np.ones((5, 9, 9), np.uint8))
    with pytest.raises(InputError, match=r"small\.tif is 5 x 9 x 9 voxels"):
        job = Analyse.of(mask=mask, regions=tmp_path / "small.tif", out=tmp_path / "a.csv")
        run(job.perform())
    tifffile.imwrite(tmp_path / "none.tif", np.zeros((5, 9, 50), np.uint8))
    with pytest.raises(InputError, match="none is 0 everywhere, so that it holds no region"):
        job = Analyse.of(mask=mask, regions=tmp_path / "none.tif", out=tmp_path / "a.csv")
        run(job.perform())
    assert not (tmp_path / "a.csv").exists()


def test_a_table_without_rows_for_regions_says_where_they_are(tmp_path):
    mask, regions = tmp_path / "mask.tif", tmp_path / "regions.tif"
    tifffile.imwrite(mask, line().astype(np.uint8))
    tifffile.imwrite(regions, np.ones((5, 9, 50), np.uint8))
    said = []
    for table in ("branches", "summary"):
        out = tmp_path / f"{table}.csv"
        asked = Analyse.of(mask=mask, regions=regions, table=table, out=out)
        said.append("\n".join(asked.summary(run(asked.perform()).run.results)))
    assert "has no row for each region; --table summary has" in said[0]
    assert "region" not in said[1]
