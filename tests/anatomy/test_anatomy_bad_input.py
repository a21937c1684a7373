"""Through the command line: one sentence, exit code 2, nothing written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_midl.cli import main
from napari_midl.errors import InputError
from napari_midl.methods.anatomy.apply import Anatomy
from napari_midl.methods.anatomy.models import named_model
from napari_midl.methods.anatomy.template import load_template
from napari_midl.volumes.landmarks import Landmarks, read_landmarks, write_landmarks
from napari_midl.volumes.meshes import Mesh, read_mesh, write_mesh


@pytest.fixture
def good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Landmarks:
    """A working folder, and the mean landmarks of the mandible."""
    monkeypatch.chdir(tmp_path)
    anatomy = Anatomy(named_model("base"))
    return Landmarks(anatomy.template.names, anatomy.shapes.mean_landmarks)


def refused(capfd: pytest.CaptureFixture[str], *command: str) -> str:
    before = sorted(p.name for p in Path().rglob("*"))
    with pytest.raises(SystemExit) as ended:
        main(["anatomy", *command])
    assert ended.value.code == 2
    assert sorted(p.name for p in Path().rglob("*")) == before
    sentence = " ".join(capfd.readouterr().err.split())
    assert sentence.endswith(".")
    return sentence


def generated(capfd: pytest.CaptureFixture[str], landmarks: Landmarks, out: str = "out.ply") -> str:
    write_landmarks(Path("marks.csv"), landmarks)
    return refused(capfd, "generate", "marks.csv", "--out", out)


def test_too_few(capfd: pytest.CaptureFixture[str], good: Landmarks) -> None:
    sentence = generated(capfd, Landmarks(good.names[:3], good.points[:3]))
    assert "marks.csv" in sentence
    assert "3 landmarks are placed" in sentence


def test_in_a_plane(capfd: pytest.CaptureFixture[str], good: Landmarks) -> None:
    pairs = [
        good.names.index(f"{n} {s}") for n in ("angle", "coronoid peak") for s in ("left", "right")
    ]
    some = Landmarks(tuple(good.names[i] for i in pairs[:2]), good.points[pairs[:2]])
    middle = good.points[pairs[:2]].mean(0)
    names = (*some.names, "genial tubercle", "mental protuberance")
    points = np.vstack([some.points, middle + np.array([0, 5, 0]), middle - np.array([0, 5, 0])])
    assert "lie in a plane" in generated(capfd, Landmarks(names, points))


def test_unknown_name(capfd: pytest.CaptureFixture[str], good: Landmarks) -> None:
    sentence = generated(capfd, Landmarks(("nose", *good.names[1:]), good.points))
    assert "'nose' is no landmark of the mandible" in sentence
    assert "genial tubercle" in sentence


def test_all_unknown_names_are_named_at_once(
    capfd: pytest.CaptureFixture[str], good: Landmarks
) -> None:
    sentence = generated(capfd, Landmarks(("nose", "chin", *good.names[2:]), good.points))
    assert "'nose', 'chin' are no landmarks of the mandible; it has condyle" in sentence


def test_misspelt_name(capfd: pytest.CaptureFixture[str], good: Landmarks) -> None:
    names = tuple("Angel Left" if name == "angle left" else name for name in good.names)
    sentence = generated(capfd, Landmarks(names, good.points))
    assert sentence.endswith("no landmark of the mandible; write 'angle left'.")


def test_scan_that_is_none(capfd: pytest.CaptureFixture[str], good: Landmarks) -> None:
    write_landmarks(Path("marks.csv"), good)
    command = ("generate", "marks.csv", "--scan", "scan.tif", "--out")
    for out in ("out.ply", "out.ome.zarr"):
        assert "scan.tif does not exist" in refused(capfd, *command, out)


def test_twice_by_name_and_number(capfd: pytest.CaptureFixture[str], good: Landmarks) -> None:
    names = ("23", *good.names[1:])
    assert "same landmark" in generated(capfd, Landmarks(names, good.points))


def test_metres(capfd: pytest.CaptureFixture[str], good: Landmarks) -> None:
    assert "metres" in generated(capfd, Landmarks(good.names, good.points / 1000))
    assert "span 1000 times" in generated(capfd, Landmarks(good.names, good.points * 1000))


def test_left_and_right_swapped(capfd: pytest.CaptureFixture[str], good: Landmarks) -> None:
    template = Anatomy(named_model("base")).template
    sentence = generated(capfd, Landmarks(good.names, good.points[template.partners]))
    assert "Left and right are swapped" in sentence


def test_columns_in_the_order_of_arrays(capfd: pytest.CaptureFixture[str], good: Landmarks) -> None:
    sentence = generated(capfd, Landmarks(good.names, good.points[:, ::-1]))
    assert "The columns may be z, y, x" in sentence


def test_two_at_the_same_place(capfd: pytest.CaptureFixture[str], good: Landmarks) -> None:
    points = good.points.copy()
    points[1] = points[0]
    sentence = generated(capfd, Landmarks(good.names, points))
    assert good.names[0] in sentence
    assert good.names[1] in sentence


def test_not_a_number_names_its_row(capfd: pytest.CaptureFixture[str], good: Landmarks) -> None:
    Path("marks.csv").write_text("name,x,y,z\nangle left,1,2,nan?\n", encoding="utf-8")
    sentence = refused(capfd, "generate", "marks.csv", "--out", "out.ply")
    assert "marks.csv" in sentence
    assert "angle left" in sentence or "2" in sentence


def test_repeated_row(capfd: pytest.CaptureFixture[str], good: Landmarks) -> None:
    rows = "name,x,y,z\nangle left,1,2,3\nangle left,1,2,4\n"
    Path("marks.csv").write_text(rows, encoding="utf-8")
    assert "angle left" in refused(capfd, "generate", "marks.csv", "--out", "out.ply")


def test_wrong_ending(capfd: pytest.CaptureFixture[str], good: Landmarks) -> None:
    assert ".ply" in generated(capfd, good, "out.vtk")


def test_training_mesh_with_a_hole(
    capfd: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import trimesh

    monkeypatch.chdir(folder.parent)
    path = folder / "egg3.ply"
    mesh = trimesh.load(path)
    mesh.update_faces(np.arange(len(mesh.faces)) > 4)
    mesh.export(path)
    sentence = refused(capfd, "train", "shapes", "--template", "egg.json", "--out", "m.safetensors")
    assert "egg3.ply" in sentence
    assert "closed" in sentence


def test_training_landmarks_in_another_unit_than_the_mesh(
    capfd: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    path = folder / "egg5.csv"
    lines = path.read_text().splitlines()
    rows = [line.split(",") for line in lines[1:]]
    moved = [",".join([r[0], *(str(float(v) + 500) for v in r[1:])]) for r in rows]
    path.write_text("\n".join([lines[0], *moved]) + "\n")
    sentence = refused(capfd, "train", "shapes", "--template", "egg.json", "--out", "m.safetensors")
    assert "egg5.csv" in sentence
    assert "mm" in sentence


def test_training_shape_without_landmarks(
    capfd: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    (folder / "egg7.csv").unlink()
    command = ("train", "shapes", "--template", "egg.json", "--out", "m.safetensors")
    assert "egg7" in refused(capfd, *command)


def test_template_that_is_none(
    capfd: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    Path("broken.json").write_text("{}", encoding="utf-8")
    command = ("train", "shapes", "--template", "broken.json", "--out", "m.safetensors")
    assert "broken.json" in refused(capfd, *command)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "it is no JSON, or was cut short"),
        ("[]", "lacks a field, or has one that is unknown"),
        ('{"name": "x", "description": "", "landmarks": [{"nose": 1}]}', "lacks a field"),
        ('{"name": "x", "landmarks": []}', "it lacks 'description'"),
    ],
)
def test_what_is_wrong_with_a_template_is_said_in_our_words(
    tmp_path: Path, text: str, fault: str
) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=rf"broken\.json is no template: .*{fault}"):
        load_template(path)


def unit_folder(folder: Path, name: str, size: float, kind: str) -> None:
    """Another unit for the mesh, the landmarks or both of one shape, or of all."""
    for path in folder.glob("*.ply") if name == "all" else [folder / f"{name}.ply"]:
        if kind in ("both", "mesh"):
            mesh = read_mesh(path)
            write_mesh(path, Mesh(size * mesh.vertices, mesh.faces), "")
        if kind in ("both", "landmarks"):
            beside = path.with_suffix(".csv")
            landmarks = read_landmarks(beside)
            write_landmarks(beside, Landmarks(landmarks.names, size * landmarks.points))


@pytest.mark.parametrize(
    ("unit", "size"),
    [("centimetres", 0.1), ("inches", 1 / 25.4), ("metres", 0.001), ("micrometres", 1000.0)],
)
@pytest.mark.parametrize("kind", ["both", "mesh", "landmarks"])
def test_the_one_shape_in_another_unit_is_named_with_it(
    capfd: pytest.CaptureFixture[str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    unit: str,
    size: float,
    kind: str,
) -> None:
    monkeypatch.chdir(folder.parent)
    unit_folder(Path("shapes"), "egg4", size, kind)
    command = ("train", "shapes", "--template", "egg.json", "--out", "m.safetensors")
    sentence = refused(capfd, *command)
    assert "egg4" in sentence
    assert f"({unit}?)" in sentence


@pytest.mark.parametrize(("unit", "size"), [("centimetres", 0.1), ("metres", 0.001)])
def test_mandibles_that_are_all_in_another_unit_are_refused(
    capfd: pytest.CaptureFixture[str], good: Landmarks, unit: str, size: float
) -> None:
    anatomy = Anatomy(named_model("base"))
    Path("shapes").mkdir()
    for k in range(3):
        scaled = size * (1 + 0.02 * k)
        mesh = Mesh(scaled * anatomy.shapes.mean_surface, anatomy.faces)
        write_mesh(Path(f"shapes/{k}.ply"), mesh, "")
        write_landmarks(Path(f"shapes/{k}.csv"), Landmarks(good.names, scaled * good.points))
    sentence = refused(capfd, "train", "shapes", "--out", "m.safetensors")
    assert "0.ply" in sentence
    assert f"({unit}?)" in sentence


@pytest.mark.parametrize(
    ("unit", "size"), [("centimetres", 0.1), ("inches", 1 / 25.4), ("micrometres", 1000.0)]
)
def test_landmarks_in_another_unit(
    capfd: pytest.CaptureFixture[str], good: Landmarks, unit: str, size: float
) -> None:
    sentence = generated(capfd, Landmarks(good.names, good.points * size))
    assert f"({unit}?); give millimetres." in sentence
