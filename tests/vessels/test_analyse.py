from __future__ import annotations

import nibabel
import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_midl.engine.jobs import run
from napari_midl.engine.replaying import replay
from napari_midl.errors import InputError
from napari_midl.methods.vessels.analyse import analyse
from napari_midl.methods.vessels.operations import Analyse
from napari_midl.methods.vessels.ports import GraphOut, MaskIn
from napari_midl.volumes.swc import read_swc, write_swc
from napari_midl.volumes.volume import Volume


def volume(mask: np.ndarray, scale=(2.0, 1.0, 1.0)) -> Volume:
    return Volume.from_array(mask, scale=scale, units=("micrometer",) * 3, name="mask")


def tube() -> np.ndarray:
    z, y, x = np.ogrid[:11, :31, :80]
    inside = ((z - 5) * 2.0) ** 2 + (y - 15.0) ** 2 <= 4.5**2
    return inside & (x >= 10) & (x < 70)


def test_length_and_radius_of_a_straight_tube_are_physical():
    graph = run(analyse(volume(tube())))
    longest = graph.branches.nlargest(1, "length").iloc[0]
    assert longest["length"] == pytest.approx(60, abs=9)
    assert longest["mean_radius"] == pytest.approx(4.5, abs=0.8)
    assert longest["tortuosity"] == pytest.approx(1, abs=0.05)
    assert graph.unit == "micrometer"


def test_a_fork_has_three_branches_and_its_swc_is_a_tree(tmp_path):
    mask = np.zeros((3, 61, 61), bool)
    mask[1, 30, :31] = True
    for i in range(30):
        mask[1, 30 + i, 30 + i] = mask[1, 30 - i, 30 + i] = True
    graph = run(analyse(volume(mask)))
    assert len(graph.branches) == 3
    assert set(graph.branches["kind"]) == {"junction to end"}
    write_swc(tmp_path / "fork.swc", graph.nodes)
    nodes = read_swc(tmp_path / "fork.swc")
    assert len(nodes) == mask.sum()
    assert (nodes["parent"] == -1).sum() == 1
    assert nodes["z"].unique().tolist() == [2.0]


def test_spurs_are_left_out_and_what_they_parted_is_one_branch():
    mask = np.zeros((3, 61, 61), bool)
    mask[1, 30, :] = mask[1, 26:30, 30] = mask[1, 5, 5:8] = True
    assert len(run(analyse(volume(mask))).branches) == 4
    graph = run(analyse(volume(mask), min_length=6))
    assert len(graph.branches) == len(graph.paths) == 1
    assert graph.branches["length"][0] == pytest.approx(60, abs=1)
    with pytest.raises(InputError, match="shorter than 100 µm"):
        run(analyse(volume(mask), min_length=100))


def test_a_table_and_centre_lines_of_a_mask_are_in_its_unit_and_in_micrometres(tmp_path):
    path = tmp_path / "mask.tif"
    about = {"axes": "ZYX", "spacing": 0.002, "unit": "mm"}
    tifffile.imwrite(
        path, tube().astype(np.uint8), imagej=True, resolution=(1000, 1000), metadata=about
    )
    for name in ("a.csv", "a.swc"):
        run(Analyse.of(mask=path, out=tmp_path / name).perform())
    table = pd.read_csv(tmp_path / "a.csv")
    assert table["length (mm)"].max() == pytest.approx(0.06, abs=0.009)
    assert read_swc(tmp_path / "a.swc")["x"].max() == pytest.approx(66, abs=6)
    with pytest.raises(InputError, match=r"does not end in \.csv or \.swc"):
        run(Analyse.of(mask=path, out=tmp_path / "a.txt").perform())


def test_a_graph_that_is_known_is_not_measured_again(tmp_path):
    path = tmp_path / "mask.tif"
    tifffile.imwrite(path, tube().astype(np.uint8))
    first = run(Analyse(mask=MaskIn(path), out=GraphOut(tmp_path / "a.csv")).perform())
    known = MaskIn(path, graph=first.result)
    job = Analyse(mask=known, out=GraphOut(tmp_path / "b.csv")).perform()
    said = []
    assert run(job, lambda p: said.append(p.message)).result is first.result
    assert "thinning to the skeleton" not in said
    assert (tmp_path / "b.csv").read_bytes() == (tmp_path / "a.csv").read_bytes()
    assert run(replay(tmp_path / "b.csv.run.json")).same


def test_an_empty_mask_is_named():
    with pytest.raises(InputError, match="mask holds no vessel"):
        run(analyse(volume(np.zeros((4, 8, 8), bool))))


def test_centre_lines_lie_where_their_mask_lies_in_the_world(tmp_path):
    turned = np.array([[0.0, -0.6, 0.8], [1.0, 0.0, 0.0], [0.0, 0.8, 0.6]])
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turned * [0.1, 0.2, 0.3], (5.0, -6.0, 7.0)
    mask = np.zeros((40, 9, 7), np.uint8)
    mask[4:36, 3:6, 2:5] = 1
    image = nibabel.Nifti1Image(mask, affine)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, tmp_path / "mask.nii.gz")
    run(Analyse.of(mask=tmp_path / "mask.nii.gz", out=tmp_path / "a.swc").perform())
    nodes = read_swc(tmp_path / "a.swc")[["x", "y", "z"]].to_numpy() / 1000
    voxels = nibabel.affines.apply_affine(np.linalg.inv(affine), nodes)
    np.testing.assert_allclose(voxels[:, 1:], [[4, 3]] * len(voxels), atol=1e-4)
    assert voxels[:, 0].min() < 8 and voxels[:, 0].max() > 31
