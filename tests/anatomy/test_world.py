"""Shapes lie in the world: on scans that are turned, flipped, far away, or in micrometres."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel
import numpy as np
import pytest
import tifffile
import trimesh
from scipy.spatial.transform import Rotation

from napari_midl.cli import main
from napari_midl.engine.jobs import run
from napari_midl.engine.runs import read_run, record_path
from napari_midl.errors import InputError
from napari_midl.methods.anatomy.apply import Anatomy
from napari_midl.methods.anatomy.checks import turned_over
from napari_midl.methods.anatomy.export import write_mask
from napari_midl.methods.anatomy.models import named_model
from napari_midl.methods.anatomy.outline import outline
from napari_midl.methods.anatomy.overlap import share_inside
from napari_midl.methods.anatomy.shapes import read_shape
from napari_midl.volumes.landmarks import Landmarks, write_landmarks
from napari_midl.volumes.lazy import Lazy
from napari_midl.volumes.meshes import Mesh, read_mesh, write_mesh
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.space import Space
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from napari_midl.methods.anatomy.shapes import Shape
    from napari_midl.methods.anatomy.template import Template

TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
SIZES, SHAPE = np.array([2.0, 1.6, 2.5]), (80, 88, 56)  # along x, y, z
TURNED = Rotation.from_euler("zyx", [35, -20, 15], degrees=True).as_matrix()
MIDDLE = np.array([130.0, -45.0, 310.0])  # of the person and of the scans, LPS


@pytest.fixture(scope="module")
def person() -> Landmarks:
    """The mean mandible of a person who lies somewhere in the world."""
    anatomy = Anatomy(named_model("base"))
    points = anatomy.shapes.mean_landmarks
    return Landmarks(anatomy.template.names, points - points.mean(axis=0) + MIDDLE)


@pytest.fixture
def marks(tmp_path: Path, person: Landmarks, monkeypatch: pytest.MonkeyPatch) -> Landmarks:
    """The same in a file, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    write_landmarks(Path("marks.mrk.json"), person)
    return person


def save_scan(
    name: str, direction: np.ndarray = TURNED, unit: str = "mm", middle: np.ndarray = MIDDLE
) -> np.ndarray:
    """Write a scan of which the middle lies at a point in LPS; gives its affine there, in mm."""
    affine = np.eye(4)
    affine[:3, :3] = direction * SIZES
    affine[:3, 3] = middle - affine[:3, :3] @ ((np.array(SHAPE) - 1) / 2)
    stored = TO_LPS @ affine
    if unit == "micron":
        stored[:3] *= 1000
    voxels = np.random.default_rng(0).integers(0, 50, SHAPE).astype(np.int16)
    image = nibabel.Nifti1Image(voxels, stored)
    image.header.set_xyzt_units(unit)
    nibabel.save(image, name)
    return affine


def generate(capsys: pytest.CaptureFixture[str], *options: str, code: int = 0) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["anatomy", "generate", *options])
    assert ended.value.code == code
    said = capsys.readouterr()
    return said.out + said.err if not code else " ".join(said.err.split())


def refused(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    before = sorted(Path().rglob("*"))
    sentence = generate(capsys, *options, code=2)
    assert sorted(Path().rglob("*")) == before
    assert sentence.endswith(".")
    return sentence


def by_nibabel(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Which voxels (x, y, z) of a mask are inside, and its affine in LPS."""
    image = nibabel.load(name)
    assert image.header.get_xyzt_units()[0] == "mm"
    return np.asarray(image.dataobj) > 0, TO_LPS @ image.affine


@pytest.mark.parametrize("direction", [TURNED, TURNED * [-1, 1, 1]], ids=["turned", "flipped"])
def test_mesh_and_masks_lie_on_the_landmarks_for_other_readers(
    marks: Landmarks, direction: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    affine = save_scan("scan.nii.gz", direction)
    for out in ("bone.ply", "bone.nii.gz", "bone.ome.zarr"):
        said = generate(capsys, "marks.mrk.json", "--scan", "scan.nii.gz", "--out", out)
        assert "100 % of the shape lies in the scan." in said
    mesh = trimesh.load_mesh("bone.ply")
    _, apart, _ = trimesh.proximity.closest_point(mesh, marks.points)
    assert apart.max() < 0.5
    inside, placed = by_nibabel("bone.nii.gz")
    assert inside.shape == SHAPE
    np.testing.assert_allclose(placed, affine, atol=1e-4)
    voxels = np.argwhere(inside)
    middle = (voxels @ placed[:3, :3].T + placed[:3, 3]).mean(axis=0)
    np.testing.assert_allclose(middle, mesh.center_mass, atol=0.1)
    assert inside.sum() * SIZES.prod() == pytest.approx(mesh.volume, rel=0.02)
    # Vertices lie between voxels inside and outside.
    at = np.linalg.solve(placed, np.c_[mesh.vertices[::50], np.ones(len(mesh.vertices[::50]))].T)
    low = np.floor(at[:3].T).astype(int)
    cells = np.stack([inside[tuple((low + step).T)] for step in np.ndindex(2, 2, 2)])
    assert (cells.any(axis=0) & ~cells.all(axis=0)).mean() > 0.97
    kept = open_volume("bone.ome.zarr").spatial()
    np.testing.assert_array_equal(np.asarray(kept.data).T > 0, inside)
    np.testing.assert_allclose(
        kept.space.to_world(voxels[:, ::-1], "millimeter"),
        voxels @ affine[:3, :3].T + affine[:3, 3],
        atol=1e-3,
    )


def test_a_box_comes_out_where_it_is_to_a_thousandth_of_a_millimetre(
    marks: Landmarks, capsys: pytest.CaptureFixture[str]
) -> None:
    affine = save_scan("scan.nii.gz")
    first = np.array([10, 12, 7])
    # Edges between voxels, so that exactly 11 x 9 x 13 of them are inside.
    ends = np.array([[first - 0.5], [np.add(first, (11, 9, 13)) - 0.5]]).reshape(2, 3)
    box = trimesh.creation.box(bounds=ends)
    corners = box.vertices @ affine[:3, :3].T + affine[:3, 3]
    for ending in (".ply", ".stl", ".obj"):
        write_mesh(Path(f"box{ending}"), Mesh(corners, np.asarray(box.faces, np.int32)), "a box")
        other = trimesh.load_mesh(f"box{ending}")
        gaps = np.linalg.norm(other.vertices[:, None] - corners[None], axis=-1).min(axis=1)
        assert gaps.max() < 1e-3
        out = f"box{ending}.nii.gz"
        with pytest.raises(SystemExit) as ended:
            main(["anatomy", "fill", f"box{ending}", "--scan", "scan.nii.gz", "--out", out])
        assert ended.value.code == 0
        assert "100 % of the shape" in capsys.readouterr().out
        inside, placed = by_nibabel(out)
        assert inside.sum() == 11 * 9 * 13
        middle = np.argwhere(inside).mean(axis=0) @ placed[:3, :3].T + placed[:3, 3]
        np.testing.assert_allclose(middle, corners.mean(axis=0), atol=1e-3)


@pytest.mark.parametrize("ending", [".mrk.json", ".fcsv", ".csv"])
def test_markups_are_found_again_by_what_3d_slicer_says_of_its_files(
    tmp_path: Path, person: Landmarks, ending: str
) -> None:
    path = tmp_path / f"marks{ending}"
    write_landmarks(path, person)
    text = path.read_text(encoding="utf-8")
    if ending == ".mrk.json":
        import jsonschema

        held = json.loads(text)
        jsonschema.validate(held, SLICER)
        (markup,) = held["markups"]
        assert (markup["coordinateSystem"], markup["coordinateUnits"]) == ("LPS", "mm")
        found = {p["label"]: p["position"] for p in markup["controlPoints"]}
    elif ending == ".fcsv":
        lines = text.splitlines()
        assert lines[1] == "# CoordinateSystem = LPS"
        cells = [line.split(",") for line in lines if not line.startswith("#")]
        found = {c[11]: [float(v) for v in c[1:4]] for c in cells}
    else:
        cells = [line.split(",") for line in text.splitlines()[1:]]
        found = {c[0]: [float(v) for v in c[1:4]] for c in cells}
    assert tuple(found) == person.names
    np.testing.assert_allclose(list(found.values()), person.points, atol=1e-3)


# What a reader of 3D Slicer's markups relies on.
SLICER = {
    "type": "object",
    "required": ["@schema", "markups"],
    "properties": {
        "@schema": {"pattern": r"markups-schema-v1\.[0-9]+\.[0-9]+\.json#*$"},
        "markups": {
            "minItems": 1,
            "items": {
                "required": ["type"],
                "properties": {
                    "type": {"enum": ["Fiducial"]},
                    "coordinateSystem": {"enum": ["LPS", "RAS"]},
                    "coordinateUnits": {"enum": ["mm", "um"]},
                    "controlPoints": {
                        "items": {
                            "required": ["label", "position"],
                            "properties": {
                                "id": {"type": "string"},
                                "position": {
                                    "items": {"type": "number"},
                                    "minItems": 3,
                                    "maxItems": 3,
                                },
                                "positionStatus": {
                                    "enum": ["undefined", "preview", "defined", "missing"]
                                },
                            },
                        }
                    },
                },
            },
        },
    },
}


def test_the_mask_does_not_depend_on_how_the_scan_is_stored(
    marks: Landmarks, capsys: pytest.CaptureFixture[str]
) -> None:
    corner = MIDDLE - SIZES * (np.array(SHAPE) - 1) / 2
    moved = Landmarks(marks.names, marks.points - corner)
    write_landmarks(Path("moved.csv"), moved)
    save_scan("offset.nii.gz", np.eye(3))
    save_scan("zero.nii.gz", np.eye(3), middle=MIDDLE - corner)
    save_scan("ras.nii.gz", np.diag([-1.0, -1.0, 1.0]))
    save_scan("um.nii.gz", np.eye(3), "micron")
    masks = {}
    for name in ("offset", "zero", "ras", "um"):
        given = "moved.csv" if name == "zero" else "marks.mrk.json"
        out = f"{name}.ome.zarr"
        said = generate(capsys, given, "--scan", f"{name}.nii.gz", "--out", out)
        assert "100 % of the shape" in said
        mask = open_volume(out).spatial()
        masks[name] = np.asarray(mask.data)
        volume = (masks[name] > 0).sum() * np.prod(mask.sizes_in("millimeter"))
        assert volume == pytest.approx(read_run(record_path(Path(out))).results["volume"], rel=0.01)
    np.testing.assert_array_equal(masks["zero"], masks["offset"])
    np.testing.assert_array_equal(masks["um"], masks["offset"])
    # A voxel middle may lie on the surface.
    assert (masks["ras"][:, ::-1, ::-1] != masks["offset"]).mean() < 1e-5


def test_what_of_the_shape_lies_in_the_scan_is_said(
    marks: Landmarks, capsys: pytest.CaptureFixture[str]
) -> None:
    # Its border passes through the middle of the person, which is the same on both sides.
    half = np.add(MIDDLE, (SIZES[0] * SHAPE[0] / 2, 0, 0))
    save_scan("half.nii.gz", np.eye(3), middle=half)
    out = "half.nii.gz.mask.nii.gz"
    said = generate(capsys, "marks.mrk.json", "--scan", "half.nii.gz", "--out", out)
    results = read_run(record_path(Path(out))).results
    share = results["share in the scan"]
    assert results["faces that cross"] == 0 and "cross" not in said
    assert share == pytest.approx(0.5, abs=0.03)
    assert f"{100 * share:.0f} % of the shape lies in the scan." in said


def test_axes_of_ras_that_are_read_for_lps_are_said(
    marks: Landmarks, capsys: pytest.CaptureFixture[str]
) -> None:
    turned = Landmarks(marks.names, marks.points * (-1, -1, 1))
    write_landmarks(Path("turned.csv"), turned)
    said = "called left lies on the right of the patient"
    assert said in generate(capsys, "turned.csv", "--out", "turned.ply")
    # What the sentence advises gives the shape its place.
    table = Path("turned.csv").read_text(encoding="utf-8")
    Path("ras.csv").write_text(table.replace("name,x,y,z", "label,r,a,s"), encoding="utf-8")
    for name in ("ras.csv", "marks.mrk.json"):
        assert said not in generate(capsys, name, "--out", f"{name}.ply")
    places = [read_mesh(Path(f"{name}.ply")).vertices for name in ("ras.csv", "marks.mrk.json")]
    np.testing.assert_allclose(*places, atol=0.01)


@pytest.mark.parametrize(
    ("anatomical", "mirrored", "said"),
    [(True, False, True), (False, False, False), (True, True, False)],
)
def test_sides_are_told_where_it_is_known_how_the_patient_lay(
    person: Landmarks, anatomical: bool, mirrored: bool, said: bool
) -> None:
    turned = Landmarks(person.names, person.points * (-1, -1, 1))
    space = Space((1.0, 1.0, 1.0), "millimeter", anatomical=anatomical)
    assert turned_over(turned, space, mirrored) is said
    assert not turned_over(person, space, mirrored)
    assert not turned_over(turned.moved({n: None for n in turned.names if "left" in n}), None)


@pytest.mark.parametrize("out", ["bone.ome.zarr", "bone.nii.gz", "bone.ply"])
def test_a_shape_beside_the_scan_is_refused(
    marks: Landmarks, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    save_scan("scan.nii.gz", middle=np.add(MIDDLE, (500, 0, 0)))
    sentence = refused(capsys, "marks.mrk.json", "--scan", "scan.nii.gz", "--out", out)
    assert "No part of the shape of " in sentence
    assert "marks.mrk.json" in sentence
    assert "lies in scan: it spans x " in sentence


def save_tiff(name: str, **metadata: object) -> None:
    voxels = np.zeros(SHAPE[::-1], np.uint8)
    tifffile.imwrite(name, voxels, imagej=True, resolution=(0.5, 0.5), metadata=metadata)


def test_landmarks_count_from_the_first_voxel_of_a_scan_without_a_place(
    marks: Landmarks, capsys: pytest.CaptureFixture[str]
) -> None:
    save_tiff("scan.tif", axes="ZYX", unit="mm", spacing=2.5)
    sentence = refused(capsys, "marks.mrk.json", "--scan", "scan.tif", "--out", "bone.nii.gz")
    assert "scan does not say where it lies" in sentence
    assert "from the middle of its first voxel" in sentence
    write_landmarks(Path("near.csv"), Landmarks(marks.names, marks.points - MIDDLE + (80, 85, 70)))
    said = generate(capsys, "near.csv", "--scan", "scan.tif", "--out", "bone.ome.zarr")
    assert "100 % of the shape lies in the scan." in said
    assert "The scan does not say where it lies" in said
    mask = open_volume("bone.ome.zarr").spatial()
    middle = (np.argwhere(np.asarray(mask.data)) * [2.5, 2, 2]).mean(axis=0)[::-1]
    expected = read_mesh_of("near.csv", capsys)
    np.testing.assert_allclose(middle, expected.center_mass, atol=0.2)


def read_mesh_of(name: str, capsys: pytest.CaptureFixture[str]) -> trimesh.Trimesh:
    generate(capsys, name, "--out", "alone.ply")
    return trimesh.load_mesh("alone.ply")


def test_a_scan_of_unknown_size_is_refused(
    marks: Landmarks, capsys: pytest.CaptureFixture[str]
) -> None:
    save_tiff("scan.tif", axes="ZYX")
    sentence = refused(capsys, "marks.mrk.json", "--scan", "scan.tif", "--out", "bone.nii.gz")
    assert "The voxel size of scan is not known" in sentence


def test_a_nifti_without_a_unit_is_in_millimetres_and_that_is_said(
    marks: Landmarks, capsys: pytest.CaptureFixture[str]
) -> None:
    save_scan("scan.nii.gz", unit="unknown")
    said = generate(capsys, "marks.mrk.json", "--scan", "scan.nii.gz", "--out", "bone.nii.gz")
    assert "scan names no unit of length; millimetres are taken" in said
    assert "100 % of the shape lies in the scan." in said


def test_a_mask_of_nothing_is_refused(marks: Landmarks, capsys: pytest.CaptureFixture[str]) -> None:
    affine = save_scan("scan.nii.gz")
    # A plate between two planes of voxels.
    corners = np.array([[10, 10, 7.3], [40, 40, 7.7]])
    plate = trimesh.creation.box(bounds=corners)
    vertices = plate.vertices @ affine[:3, :3].T + affine[:3, 3]
    write_mesh(Path("plate.ply"), Mesh(vertices, np.asarray(plate.faces, np.int32)), "")
    for name, shrink in (("plate.ply", 1.0), ("metres.ply", 0.001)):
        moved = MIDDLE + (vertices - MIDDLE) * shrink
        write_mesh(Path(name), Mesh(moved, np.asarray(plate.faces, np.int32)), "")
        before = sorted(Path().rglob("*"))
        with pytest.raises(SystemExit) as ended:
            main(["anatomy", "fill", name, "--scan", "scan.nii.gz", "--out", "mask.nii.gz"])
        assert ended.value.code == 2
        assert sorted(Path().rglob("*")) == before
        assert f"No voxel of scan has its middle in {name}" in capsys.readouterr().err


def test_a_mask_without_a_scan_keeps_its_place(
    marks: Landmarks, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = read_mesh_of("marks.mrk.json", capsys)
    for out in ("bone.ome.zarr", "bone.nii.gz"):
        generate(capsys, "marks.mrk.json", "--out", out)
        mask = open_volume(out).spatial()
        middle = mask.space.to_world(np.argwhere(np.asarray(mask.data)), "millimeter").mean(axis=0)
        np.testing.assert_allclose(middle, expected.center_mass, atol=0.05)


def test_a_shape_between_the_voxels_of_its_own_mask_is_refused(tmp_path: Path) -> None:
    small = trimesh.creation.box((0.06, 0.05, 0.04))
    mesh = Mesh(np.add(small.vertices, 0.5), np.asarray(small.faces, np.int32))
    for name in ("mask.nii.gz", "mask.ome.zarr"):
        with pytest.raises(InputError, match=r"no voxel of 1 mm has its middle in it"):
            run(write_mask(mesh, tmp_path / name))
    assert not list(tmp_path.iterdir())


def test_outline_is_the_way_back_from_fill(
    marks: Landmarks, capsys: pytest.CaptureFixture[str]
) -> None:
    save_scan("scan.nii.gz", TURNED * [1, -1, 1])
    generate(capsys, "marks.mrk.json", "--scan", "scan.nii.gz", "--out", "mask.nii.gz")
    with pytest.raises(SystemExit) as ended:
        main(["anatomy", "outline", "mask.nii.gz", "--level", "127", "--out", "outline.stl"])
    assert ended.value.code == 0
    expected, found = read_mesh_of("marks.mrk.json", capsys), trimesh.load_mesh("outline.stl")
    assert found.is_watertight and found.volume > 0
    assert found.volume == pytest.approx(expected.volume, rel=0.05)
    _, apart, _ = trimesh.proximity.closest_point(expected, found.vertices[::20])
    assert apart.max() < SIZES.max()


def box_scan(shape: tuple[int, ...]) -> np.ndarray:
    voxels = np.zeros(shape, np.float32)
    voxels[tuple(slice(3, -3) if n > 6 else slice(None) for n in shape)] = 100
    return voxels


def test_where_a_scan_is_no_number_its_outline_has_nothing() -> None:
    voxels = box_scan((10, 12, 14))
    whole = run(outline(Volume.from_array(voxels, scale=(1, 1, 1), units="mm"), 50.0)).mesh
    voxels[0], voxels[:, 0], voxels[4, 5, 5] = np.nan, -np.inf, np.inf
    found = run(outline(Volume.from_array(voxels, scale=(1, 1, 1), units="mm"), 50.0)).mesh
    np.testing.assert_allclose(found.vertices, whole.vertices)


@pytest.mark.parametrize(
    ("voxels", "said"),
    [
        (box_scan((1, 12, 14)), "is 1 x 12 x 14 voxels .* has no surface; give a stack"),
        (np.full((9, 9, 9), np.nan, np.float32), "holds no numbers, only NaN"),
        (np.zeros((9, 9, 9), np.float32), "has no outline at 50: its values go from 0 to 0"),
    ],
)
def test_a_scan_without_an_outline_is_a_sentence(voxels: np.ndarray, said: str) -> None:
    scan = Volume.from_array(voxels, scale=(1, 1, 1), units="mm", name="scan")
    with pytest.raises(InputError, match=f"scan {said}"):
        run(outline(scan, 50.0))


def test_the_outline_of_a_coarse_level_lies_where_the_fine_one_would() -> None:
    class Huge(Lazy):
        def read(self, box: object) -> np.ndarray:
            raise AssertionError("a level that does not fit into memory was read")

    space = Space.of((0.2, 0.1, 0.1), "mm", (-30, 40, 7), TURNED)
    fine, coarse = (640, 1280, 1280), (40, 80, 80)
    # In the middles of coarse voxels, which merge 16 x 16 x 16 fine ones: a ball of 12 mm.
    places = space.to_world(16 * np.moveaxis(np.indices(coarse), 0, -1) + 7.5)
    middle = space.to_world((np.array(fine) - 1) / 2)
    distance = np.linalg.norm(places - middle, axis=-1).astype(np.float32)
    levels = (Huge(fine, np.float32), Volume.from_array(20 - distance).data)
    found = run(outline(Volume(levels, ("Z", "Y", "X"), space, "pyramid"), 8.0)).mesh
    apart = np.linalg.norm(found.vertices - middle, axis=1)
    np.testing.assert_allclose(apart, 12.0, atol=0.2)
    np.testing.assert_allclose(found.vertices.mean(axis=0), middle, atol=0.05)


@pytest.mark.parametrize("direction", [TURNED, np.diag([-1.0, -1.0, 1.0])], ids=["turned", "ras"])
def test_shapes_to_train_on_may_be_masks_anywhere(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    eggs: list[Shape],
    egg: Template,
    direction: np.ndarray,
) -> None:
    monkeypatch.chdir(tmp_path)
    truth = eggs[0]
    save_scan("scan.nii.gz", direction)
    moved = Mesh(truth.mesh.vertices + MIDDLE, truth.mesh.faces)
    write_mesh(Path("egg.ply"), moved, "")
    with pytest.raises(SystemExit) as ended:
        main(["anatomy", "fill", "egg.ply", "--scan", "scan.nii.gz", "--out", "egg.nii.gz"])
    assert ended.value.code == 0
    write_landmarks(Path("egg.csv"), Landmarks(egg.names, truth.landmarks + MIDDLE))
    shape = read_shape(Path("egg.nii.gz"), Path("egg.csv"), egg)
    assert shape.mesh.closed
    assert shape.mesh.volume == pytest.approx(moved.volume, rel=0.03)
    np.testing.assert_allclose(shape.mesh.vertices.mean(axis=0), MIDDLE, atol=1.0)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.8, 1.0])
def test_the_share_of_a_box_in_a_scan(share: float) -> None:
    box = trimesh.creation.box((20.0, 10.0, 6.0))
    # The scan ends at x = 30.5, and the box begins so much before.
    moved = np.add(box.vertices, (30.5 + 10.0 - 20.0 * share, 12, 9))
    scan = Volume.from_array(np.zeros((20, 25, 31), np.uint8), "ZYX", (1, 1, 1), "mm")
    mesh = Mesh(moved, np.asarray(box.faces, np.int32))
    assert share_inside(mesh, scan) == pytest.approx(share, abs=0.02)


def test_a_scan_within_the_shape_holds_a_part_of_it() -> None:
    box = trimesh.creation.box((200.0, 200.0, 200.0))
    scan = Volume.from_array(np.zeros((10, 10, 10), np.uint8), "ZYX", (100.0,) * 3, "um")
    mesh = Mesh(np.asarray(box.vertices, float), np.asarray(box.faces, np.int32))
    assert share_inside(mesh, scan) == pytest.approx(1 / 200**3, rel=1e-6)


def test_a_mesh_of_ras_is_filled_where_it_lies(
    marks: Landmarks, capsys: pytest.CaptureFixture[str]
) -> None:
    save_scan("scan.nii.gz")
    generate(capsys, "marks.mrk.json", "--out", "bone.ply")
    mesh = trimesh.load_mesh("bone.ply")
    mesh.vertices *= [-1, -1, 1]
    Path("ras.obj").write_text(
        mesh.export(file_type="obj", header="3D Slicer output. SPACE=RAS"), encoding="utf-8"
    )
    np.testing.assert_allclose(
        np.sort(read_mesh(Path("ras.obj")).vertices, axis=0),
        np.sort(mesh.vertices * [-1, -1, 1], axis=0),
        atol=1e-4,
    )
