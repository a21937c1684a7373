"""Where outputs of a scan that is turned against the world lie, as other libraries read them.

An oblique NIfTI scan goes through each tool. nibabel's affine of the scan says where its voxels
are; the outputs are read by nibabel, trimesh and as plain text, and the greatest distance from
where they should be is printed in micrometres.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pandas as pd
import trimesh
import zarr
from nibabel.affines import apply_affine
from scipy.spatial.transform import Rotation

from benchmarks import report
from napari_midl.engine.jobs import run
from napari_midl.engine.trees import synthetic_sample
from napari_midl.methods.anatomy.apply import Anatomy
from napari_midl.methods.anatomy.models import named_model
from napari_midl.methods.anatomy.operations import Generate
from napari_midl.methods.anatomy.ports import table_path
from napari_midl.methods.axons.operations import Trace
from napari_midl.methods.vessels.operations import Analyse, Labels, Predict
from napari_midl.volumes.landmarks import Landmarks, write_landmarks

if TYPE_CHECKING:
    from numpy.typing import NDArray

TURNED = Rotation.from_euler("zyx", [35, -20, 15], degrees=True).as_matrix()
LPS = np.array([-1.0, -1.0, 1.0])


def scan(
    path: Path, voxels: NDArray[Any], sizes: tuple[float, ...], origin: tuple[float, ...]
) -> NDArray[np.float64]:
    """Write a scan ``Z Y X`` in mm; gives its affine, from x y z to right, front, up."""
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = TURNED * sizes, origin
    image = nibabel.Nifti1Image(voxels.T, affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, 1)
    nibabel.save(image, path)
    return np.asarray(nibabel.load(path).affine)


def apart(shape: tuple[int, ...], one: NDArray[Any], other: NDArray[Any]) -> float:
    """Greatest distance of the corners ``x y z`` of a shape under two affines."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape])).reshape(3, -1).T
    moved = apply_affine(one, corners) - apply_affine(other, corners)
    return 1000 * float(np.linalg.norm(moved, axis=1).max())


def vessels(folder: Path) -> list[dict[str, Any]]:
    """Prediction, labels and centre lines."""
    voxels = synthetic_sample(seed=7)[0]
    affine = scan(folder / "vessels.nii.gz", voxels, (0.001, 0.001, 0.002), (12.0, -30.0, 400.0))
    shape = voxels.shape[::-1]
    out, labels, lines = (folder / name for name in ("p.ome.zarr", "l.nii.gz", "c.swc"))
    run(Predict.of(image=folder / "vessels.nii.gz", out=out).perform())
    run(Labels.of(prediction=out, out=labels).perform())
    run(Analyse.of(mask=labels, out=lines).perform())
    header = np.asarray(zarr.open_group(out, mode="r")["nifti"][:]).tobytes()
    place = nibabel.Nifti2Header(header, check=False).get_best_affine()
    inside = apply_affine(np.linalg.inv(affine), swc(lines) / 1000)
    nearest = apply_affine(affine, np.rint(inside)) - swc(lines) / 1000
    return [
        {"output": "vessels predict .ome.zarr", "apart um": apart(shape, affine, place)},
        {
            "output": "vessels labels .nii.gz",
            "apart um": apart(shape, affine, np.asarray(nibabel.load(labels).affine)),
        },
        {
            # Centre lines run through the middles of voxels.
            "output": "vessels analyse .swc",
            "apart um": 1000 * float(np.linalg.norm(nearest, axis=1).max()),
        },
    ]


def axons(folder: Path) -> list[dict[str, Any]]:
    """A trace, of which the table beside it says the voxels."""
    z, y, x = np.indices((8, 64, 200))
    away = (y - 30 - 5 * np.sin(x / 20)) ** 2 + (z - 4) ** 2
    noise = np.random.default_rng(0).normal(30, 6, away.shape)
    voxels = (noise + 180 * np.exp(-away / 5)).clip(0, 255).astype(np.uint8)
    affine = scan(folder / "axons.nii.gz", voxels, (0.0005, 0.0005, 0.0005), (1.0, -2.0, 3.0))
    (folder / "seeds.csv").write_text("path,y,x,z\na,34,20,4\n")
    out = folder / "traces.swc"
    options = {"image": folder / "axons.nii.gz", "seeds": folder / "seeds.csv"}
    run(Trace.of(**options, out=out).perform())
    table = pd.read_csv(folder / "traces.csv")[["x", "y", "z"]].to_numpy(float)
    moved = apply_affine(affine, table) - swc(out) / 1000
    return [
        {
            "output": "axons trace .swc",
            "apart um": 1000 * float(np.linalg.norm(moved, axis=1).max()),
        }
    ]


def anatomy(folder: Path) -> list[dict[str, Any]]:
    """Meshes and a mask of a mandible whose landmarks lie in the world."""
    model = Anatomy(named_model("base"))
    middle = np.array([130.0, -45.0, 310.0])
    points = model.shapes.mean_landmarks
    person = Landmarks(model.template.names, points - points.mean(axis=0) + middle)
    write_landmarks(folder / "marks.mrk.json", person)
    shape, sizes = (80, 88, 56), (2.0, 1.6, 2.5)
    corner = middle * LPS - TURNED @ (np.array(shape) * sizes / 2)
    affine = scan(
        folder / "bone.nii.gz", np.zeros(shape[::-1], np.int16), sizes, tuple(corner.tolist())
    )
    rows = []
    for ending in ("ply", "stl", "obj", "nii.gz"):
        out = folder / f"jaw.{ending}"
        options = {"landmarks": folder / "marks.mrk.json", "scan": folder / "bone.nii.gz"}
        run(Generate.of(**options, out=out).perform())
        if ending == "nii.gz":
            mask = nibabel.load(out)
            rows.append(
                {
                    "output": "anatomy generate .nii.gz",
                    "apart um": apart(shape, affine, np.asarray(mask.affine)),
                }
            )
            continue
        mesh = trimesh.load(out, process=False)
        # The table says how far each landmark, which lies in the world, is from the surface.
        said = pd.read_csv(table_path(out))["to_surface_mm"].to_numpy(float)
        distance = trimesh.proximity.closest_point(mesh, person.points)[1]
        moved = 1000 * float(np.abs(distance - np.abs(said)).max())
        rows.append({"output": f"anatomy generate .{ending}", "apart um": moved})
    return rows


def swc(path: Path) -> NDArray[np.float64]:
    """Positions x y z of an SWC file."""
    return np.loadtxt(path)[:, 2:5]


def main(_: list[str]) -> None:
    """Print the table."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for tool in (vessels, axons, anatomy):
            rows += tool(Path(folder))
    print(report.markdown(rows))
    report.write("world", rows)
