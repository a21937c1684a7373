"""For each operation the smallest example: its options without ``out``, and the output's name.

One that does quite another thing with other options has a second: the name of the operation, and
after it what is different.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from imageio import v3 as imageio

from napari_midl.methods.staining.review import Field, review_path, write_review
from napari_midl.methods.staining.synthetic import synthetic_mosaic
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.space import Space

if TYPE_CHECKING:
    from collections.abc import Callable

    Example = Callable[[Path], tuple[dict[str, Any], str]]


def vessel_image(folder: Path, side: int = 48) -> Path:
    """Two bright tubes in a stack of 12 x 48 x 48 voxels; less of it for what is slow."""
    path = folder / "vessels.tif"
    z, y, x = np.indices((12, 48, 48))
    tubes = ((z - 6) ** 2 + (y - 14) ** 2 < 16) | ((z - 5) ** 2 + (x - 36) ** 2 < 9)
    noise = np.random.default_rng(0).normal(60, 12, tubes.shape)
    image = np.clip(noise + 110 * tubes, 0, 255).astype(np.uint8)
    tifffile.imwrite(path, image[:, :side, :side])
    return path


def vessel_labels(folder: Path, side: int = 48) -> Path:
    """A few strokes on that stack."""
    path = folder / "labels.tif"
    labels = np.zeros((12, 48, 48), np.uint8)
    labels[6, 8:40, 4:30] = 1
    labels[6, 12:17, 4:30] = 2
    tifffile.imwrite(path, labels[:, :side, :side])
    return path


def vessels_finetune(folder: Path) -> tuple[dict[str, Any], str]:
    options = {"image": vessel_image(folder, 32), "labels": vessel_labels(folder, 32), "steps": 5}
    return options, "model.safetensors"


def vessels_finetune_unet(folder: Path) -> tuple[dict[str, Any], str]:
    options = {
        "image": vessel_image(folder, 32),
        "labels": vessel_labels(folder, 32),
        "model": "unet-scratch",
        "alone": True,
        "steps": 2,
        "patch": (8, 16, 16),
        "batch": 1,
        "held_out": 0.0,
    }
    return options, "model.safetensors"


def vessels_predict(folder: Path) -> tuple[dict[str, Any], str]:
    return {"image": vessel_image(folder), "tile": (12, 32, 48)}, "vessels.ome.zarr"


def vessel_stacks(folder: Path) -> Path:
    """A folder of one stack with its labels."""
    stacks = folder / "stacks"
    stacks.mkdir()
    image, labels = vessel_image(folder, 32), vessel_labels(folder, 32)
    image.rename(stacks / "a_image.tif")
    labels.rename(stacks / "a_label.tif")
    return stacks


def vessels_pretrain(folder: Path) -> tuple[dict[str, Any], str]:
    options = {"stacks": vessel_stacks(folder), "steps": 2, "real_share": 1.0}
    return options | {"patch": (8, 16, 16), "batch": 1}, "base.safetensors"


def vessels_pretrain_pixels(folder: Path) -> tuple[dict[str, Any], str]:
    return {"stacks": vessel_stacks(folder), "steps": 2}, "base.safetensors"


def vessel_prediction(folder: Path) -> Path:
    """A prediction of 5 x 20 x 24 voxels: a tube of probability 0.9, with 0.4 around it."""
    image = OmeZarrImage.create(
        folder / "prediction.ome.zarr",
        shape=(1, 5, 20, 24),
        dtype="float32",
        axes="CZYX",
        space=Space.of((2, 1, 1), "micrometer"),
        chunks=(1, 5, 20, 24),
        channels=("vessel probability",),
    )
    probability = np.zeros((1, 5, 20, 24), np.float32)
    probability[:, 1:4, 6:13, 2:22], probability[:, 2, 8:11, 3:20] = 0.4, 0.9
    image.write((slice(None),) * 4, probability)
    return image.path


def vessels_labels(folder: Path) -> tuple[dict[str, Any], str]:
    return {"prediction": vessel_prediction(folder), "threshold": 0.3}, "labels.ome.zarr"


def vessels_batch(folder: Path) -> tuple[dict[str, Any], str]:
    return {"images": (str(vessel_image(folder)),), "tile": (12, 32, 48)}, "summary.csv"


def vessels_analyse(folder: Path) -> tuple[dict[str, Any], str]:
    return {"mask": vessel_prediction(folder), "threshold": 0.3}, "lines.swc"


def vessels_propose(folder: Path) -> tuple[dict[str, Any], str]:
    options = {
        "image": vessel_image(folder),
        "labels": vessel_labels(folder),
        "candidates": 3,
        "side": 8,
    }
    return options, "places.csv"


def mosaic_channels(folder: Path) -> tuple[Path, Path]:
    """Reflectance and fluorescence of 80 x 90 pixels."""
    drawn = synthetic_mosaic((80, 90), np.random.default_rng(4))
    paths = folder / "one_reflectance.tif", folder / "one_fluorescence.tif"
    for path, channel in zip(paths, (drawn.reflectance, drawn.fluorescence), strict=True):
        tifffile.imwrite(path, (channel * 4000).astype(np.uint16))
    return paths


def slide(folder: Path) -> Path:
    """Pink with blue nuclei."""
    picture = np.full((70, 70, 3), (230, 150, 190), np.uint8)
    picture += np.random.default_rng(0).integers(0, 20, picture.shape, np.uint8)
    picture[10:30, 10:50] = (90, 70, 160)
    path = folder / "slide.png"
    imageio.imwrite(path, picture)
    return path


def slides(folder: Path) -> Path:
    """A folder of one slide."""
    path = folder / "slides"
    path.mkdir()
    slide(path)
    return path


def staining_stain(folder: Path) -> tuple[dict[str, Any], str]:
    reflectance, fluorescence = mosaic_channels(folder)
    options = {
        "reflectance": reflectance,
        "fluorescence": fluorescence,
        "reference": slide(folder),
        "method": "beer-lambert",
        "keep_speckle": True,
        "tile": 64,
    }
    return options, "stain.ome.zarr"


def staining_despeckle(folder: Path) -> tuple[dict[str, Any], str]:
    return {"reflectance": mosaic_channels(folder)[0], "tile": 64}, "clean.ome.zarr"


def staining_train(folder: Path) -> tuple[dict[str, Any], str]:
    mosaics = folder / "mosaics"
    mosaics.mkdir()
    mosaic_channels(mosaics)
    options = {"slides": slides(folder), "confocal": str(mosaics), "steps": 2, "crop": 32}
    return options, "stain.safetensors"


def staining_train_despeckler(folder: Path) -> tuple[dict[str, Any], str]:
    options = {"slides": slides(folder), "steps": 2, "crop": 32, "batch": 1}
    return options, "despeckler.safetensors"


def staining_match(folder: Path) -> tuple[dict[str, Any], str]:
    return {"slide": slide(folder)}, "stains.json"


def staining_export_review(folder: Path) -> tuple[dict[str, Any], str]:
    path = folder / "stain.ome.zarr"
    image = OmeZarrImage.create(
        path,
        shape=(3, 60, 70),
        dtype="uint8",
        axes="CYX",
        chunks=(3, 60, 70),
        channels=("red", "green", "blue"),
        about={"method": "linear"},
    )
    image.write((slice(None),) * 3, np.full((3, 60, 70), 120, np.uint8))
    write_review([Field(0, 0, 60, 70, 0.0, "accepted", "good")], review_path(path))
    return {"stain": path}, "review"


def staining_export(folder: Path) -> tuple[dict[str, Any], str]:
    return staining_export_review(folder)[0], "slide.ome.tif"


def staining_export_field(folder: Path) -> tuple[dict[str, Any], str]:
    return staining_export_review(folder)[0] | {"box": "10:50,:"}, "field.png"


def staining_export_geojson(folder: Path) -> tuple[dict[str, Any], str]:
    return staining_export_review(folder)[0], "review.geojson"


def fibre_image(folder: Path) -> Path:
    """A plane with one bright wavy fibre, with pixels of half a micrometre."""
    path = folder / "fibre.tif"
    y, x = np.indices((64, 96))
    bright = np.exp(-((y - fibre_at(x)) ** 2) / 4.5)
    noise = np.random.default_rng(0).normal(25, 5, bright.shape)
    image = np.clip(noise + 150 * bright, 0, 255).astype(np.uint8)
    metadata = {"unit": "um", "axes": "YX"}
    tifffile.imwrite(path, image, imagej=True, resolution=(2, 2), metadata=metadata)
    return path


def fibre_at(x: Any) -> Any:
    """Where that fibre is at each column."""
    return 32 + 6 * np.sin(x / 15)


def fibre_traces(folder: Path) -> Path:
    """Its centreline as a table."""
    path = folder / "traces.csv"
    rows = [f"a,{k},0,{fibre_at(x):.3f},{x},0.1" for k, x in enumerate(range(10, 86, 2))]
    path.write_text("\n".join(["path,index,z,y,x,uncertainty", *rows]) + "\n")
    return path


def axons_trace(folder: Path) -> tuple[dict[str, Any], str]:
    seeds = folder / "seeds.csv"
    seeds.write_text(f"path,y,x\na,{fibre_at(48):.2f},48\n")
    return {"image": fibre_image(folder), "seeds": seeds, "width": 1.0}, "found.swc"


def axons_connect(folder: Path) -> tuple[dict[str, Any], str]:
    start, end = ((0.0, float(fibre_at(x)), float(x)) for x in (10, 40))
    return {"image": fibre_image(folder), "start": start, "end": end}, "found.csv"


def axons_join(folder: Path) -> tuple[dict[str, Any], str]:
    path = folder / "pieces.csv"
    rows = [f"a,{k},0,{fibre_at(x):.3f},{x},0.1" for k, x in enumerate(range(10, 40, 2))]
    rows += [f"b,{k},0,{fibre_at(x):.3f},{x},0.1" for k, x in enumerate(range(56, 86, 2))]
    path.write_text("\n".join(["path,index,z,y,x,uncertainty", *rows]) + "\n")
    return {"image": fibre_image(folder), "traces": path}, "joined.swc"


def axons_finetune(folder: Path) -> tuple[dict[str, Any], str]:
    options = {"image": fibre_image(folder), "traces": fibre_traces(folder)}
    return options | {"steps": 1, "synthetic": 0.0}, "model.safetensors"


def axons_train(folder: Path) -> tuple[dict[str, Any], str]:
    # The paper's agent is not calibrated, which would take long.
    return {"preset": "paper", "images": "SI", "steps": 1, "agents": 1}, "model.safetensors"


def axons_measure(folder: Path) -> tuple[dict[str, Any], str]:
    return {"traces": fibre_traces(folder), "image": fibre_image(folder)}, "measurements.csv"


def axons_export(folder: Path) -> tuple[dict[str, Any], str]:
    return {"traces": fibre_traces(folder), "image": fibre_image(folder)}, "found.swc"


def ball(folder: Path, name: str = "ball.ply", radii: Any = (5.0, 4.0, 3.0)) -> Path:
    """An ellipsoid about (8, 7, 5) mm."""
    import trimesh

    from napari_midl.volumes.meshes import Mesh, write_mesh

    round_ = trimesh.creation.icosphere(subdivisions=2)
    vertices = round_.vertices * radii + (8.0, 7.0, 5.0)
    write_mesh(folder / name, Mesh(vertices, round_.faces.astype(np.int32)), "an example")
    return folder / name


def scan(folder: Path) -> Path:
    """A bright box in a scan of 8 x 14 x 16 voxels of 1 mm."""
    path = folder / "scan.tif"
    image = np.zeros((8, 14, 16), np.uint8)
    image[2:6, 4:10, 4:12] = 200
    metadata = {"spacing": 1.0, "unit": "mm", "axes": "ZYX"}
    tifffile.imwrite(path, image, imagej=True, resolution=(1, 1), metadata=metadata)
    return path


@cache
def trained_on_balls() -> bytes:
    """The file of a model of balls; the shipped one has a hundred times their vertices."""
    from napari_midl.engine.jobs import run
    from napari_midl.methods import all_operations

    with TemporaryDirectory() as place:
        options, model = anatomy_train(Path(place))
        out = Path(place) / model
        run(all_operations()["anatomy.train"].of(**options, out=out).perform())
        return out.read_bytes()


def ball_landmarks(folder: Path, *names: str) -> dict[str, Any]:
    """Landmarks of balls, each under the name of an option, and a model of such."""
    shapes, model = anatomy_train(folder)[0]["folder"], folder / "balls.safetensors"
    model.write_bytes(trained_on_balls())
    given = {name: shapes / f"{k}.csv" for k, name in enumerate(names)}
    return given | {"model": str(model)}


def anatomy_generate(folder: Path) -> tuple[dict[str, Any], str]:
    return ball_landmarks(folder, "landmarks"), "bone.ply"


def anatomy_fit(folder: Path) -> tuple[dict[str, Any], str]:
    """A ball in a scan, a little larger than its landmarks say."""
    from napari_midl.volumes.meshes import MM
    from napari_midl.volumes.nifti import write_nifti

    z, y, x = np.indices((22, 24, 30)) - 2.0
    inside = ((x - 12) / 11) ** 2 + ((y - 10) / 9) ** 2 + ((z - 8) / 7) ** 2 < 1
    space = Space.of((1.0, 1.0, 1.0), MM, (-6.0, -5.0, -5.0))
    write_nifti(1000 * inside.astype(np.float32), space, folder / "ct.nii.gz")
    given = ball_landmarks(folder, "landmarks")
    return given | {"scan": folder / "ct.nii.gz", "level": 500.0}, "fitted.ply"


def anatomy_morph(folder: Path) -> tuple[dict[str, Any], str]:
    return ball_landmarks(folder, "landmarks", "other"), "between.stl"


def anatomy_train(folder: Path) -> tuple[dict[str, Any], str]:
    from napari_midl.volumes.landmarks import Landmarks, write_landmarks

    shapes = folder / "shapes"
    shapes.mkdir()
    poles = {"left": (1, 0, 0), "right": (-1, 0, 0), "back": (0, 1, 0), "top": (0, 0, 1)}
    facts = {"description": "", "mirror": "", "group": "pole"}
    listed = [{"name": name, "number": k + 1} | facts for k, name in enumerate(poles)]
    template = folder / "ball.json"
    template.write_text(json.dumps({"name": "ball", "description": "", "landmarks": listed}))
    for k, radii in enumerate(((10, 8, 6), (11, 8, 6), (10, 9, 6), (10, 8, 7))):
        ball(shapes, f"{k}.ply", np.array(radii, float))
        points = np.array(list(poles.values())) * radii + (8.0, 7.0, 5.0)
        write_landmarks(shapes / f"{k}.csv", Landmarks(tuple(poles), points))
    return {
        "folder": shapes,
        "template": str(template),
        "steps": 2,
        "modes": 2,
    }, "model.safetensors"


def anatomy_shapes(folder: Path) -> tuple[dict[str, Any], str]:
    """Coarse mandibles of the shipped model for the real meshes, and made-up people."""
    import pandas as pd
    import trimesh
    from skimage.measure import marching_cubes

    from napari_midl.methods.anatomy import population
    from napari_midl.methods.anatomy.apply import Anatomy
    from napari_midl.methods.anatomy.models import named_model
    from napari_midl.volumes.grids import mask
    from napari_midl.volumes.landmarks import Landmarks, write_landmarks
    from napari_midl.volumes.meshes import MM, Mesh

    given = folder / "real"
    given.mkdir()
    anatomy = Anatomy(named_model("base"))
    model, names = anatomy.shapes, list(anatomy.template.names)
    rng = np.random.default_rng(0)
    corner = model.mean_surface.min(0) - 12
    shape = tuple(np.ceil((np.ptp(model.mean_surface, axis=0) + 24)[::-1] / 4).astype(int).tolist())
    space = Space.of((4.0, 4.0, 4.0), MM, corner.tolist())
    for k, source in enumerate(population.SOURCES):
        surface = model.mean_surface + k * model.surface_modes[k]
        inside = mask(Mesh(surface, anatomy.faces), shape, space)
        coarse, faces, *_ = marching_cubes((inside > 0).astype(np.float32), 0.5)
        coarse = coarse[:, ::-1] * 4 + corner
        made = trimesh.Trimesh(coarse @ np.linalg.inv(source.turn), faces, process=False)
        made.export(given / source.mesh)
        placed = (model.mean_landmarks + k * model.landmark_modes[k]) @ np.linalg.inv(source.turn)
        write_landmarks(given / source.landmarks, Landmarks(tuple(names), placed))
    vertices, marks = model.mean_surface, model.mean_landmarks
    half = vertices[rng.choice(np.flatnonzero(vertices[:, 0] < -5), 21, replace=False)]
    middle = np.flatnonzero(np.abs(vertices[:, 0]) < 1)
    half[:5] = vertices[rng.choice(middle, 5, replace=False)]
    for number, name in population.SAME_PLACE.items():
        half[number - 1] = marks[names.index(name)]
    rows = [
        (person, k + 1, *(point + rng.normal(0, 0.5, 3)))
        for person in range(8)
        for k, point in enumerate(half)
    ]
    columns = ["specimen", "landmark", "x_mm", "y_mm", "z_mm"]
    pd.DataFrame(rows, columns=columns).to_csv(given / "zvejnieki_landmarks.csv", index=False)
    count = population.SECTIONS * population.SECTION
    front = np.flatnonzero(vertices[:, 1] < np.median(vertices[:, 1]))
    body = vertices[rng.choice(front, count, replace=False)]
    body = body.reshape(population.SECTIONS, population.SECTION, 3)
    body[population.ON_CHIN] = marks[names.index("mental protuberance")]
    body[population.ON_TUBERCLE] = marks[names.index("genial tubercle")]
    for section, point, side in population.AT_MOLARS:
        body[section, point] = marks[names.index(f"retromolar fossa {side}")] - population.AHEAD
    bodies = body.reshape(-1, 3) + rng.normal(0, 0.3, (4, count, 3))
    np.savez(given / "corpus_semilandmarks.npz", xyz_mm=bodies)
    return {"folder": given, "count": 2}, "shapes"


def anatomy_outline(folder: Path) -> tuple[dict[str, Any], str]:
    return {"scan": scan(folder), "level": 100.0}, "surface.obj"


def anatomy_fill(folder: Path) -> tuple[dict[str, Any], str]:
    return {"mesh": ball(folder), "scan": scan(folder)}, "filled.ome.zarr"


def cells(folder: Path) -> tuple[Path, Path]:
    """A picture of 64 x 64 pixels with bright and dim discs, and strokes on it."""
    y, x = np.indices((64, 64))
    picture = np.random.default_rng(0).normal(40, 8, (64, 64))
    labels = np.ones((64, 64), np.uint8)
    for place, (cy, cx) in enumerate(((14, 14), (14, 46), (46, 14), (46, 46))):
        disc = (y - cy) ** 2 + (x - cx) ** 2 < 64
        picture[disc] += 160 if place % 2 else 80
        labels[disc] = 3 if place % 2 else 2
    paths = folder / "cells.tif", folder / "strokes.tif"
    tifffile.imwrite(paths[0], np.clip(picture, 0, 255).astype(np.uint8))
    tifffile.imwrite(paths[1], labels)
    return paths


SMALL_PATCHES = {"steps": 2, "patch": (8, 32, 32), "batch": 1}


def segment_train(folder: Path) -> tuple[dict[str, Any], str]:
    picture, strokes = cells(folder)
    options = {"images": (str(picture),), "labels": (str(strokes),)}
    named = {"classes": ("background", "dim", "bright")}
    return options | named | SMALL_PATCHES, "model.safetensors"


def segment_train_stack(folder: Path) -> tuple[dict[str, Any], str]:
    """Two labels of one stack, of which the second knows one class only."""
    stack, strokes = vessel_image(folder, 32), vessel_labels(folder, 32)
    options = {
        "images": (str(stack), str(stack)),
        "labels": (str(strokes), str(strokes)),
        "knows": ("all", "vessel"),
        "classes": ("background", "vessel", "haze"),
        "architecture": "deepvesselnet",
        "loss": "corrected",
    }
    return options | SMALL_PATCHES | {"patch": (8, 16, 16)}, "model.safetensors"


def segment_model(folder: Path) -> Path:
    """An untrained model of two classes."""
    from napari_midl.engine.models import save_model
    from napari_midl.methods.segment.models import scratch
    from napari_midl.volumes.classes import Classes

    model = scratch("unet-2d-compact 1>3", Classes("background", "dim", "bright"), 1)
    save_model(model, folder / "segment.safetensors")
    return folder / "segment.safetensors"


def segment_predict(folder: Path) -> tuple[dict[str, Any], str]:
    options = {"image": cells(folder)[0], "model": str(segment_model(folder))}
    return options | {"tile": (1, 32, 32)}, "segments.ome.zarr"


def segment_pretrain(folder: Path) -> tuple[dict[str, Any], str]:
    return {"architecture": "deepvesselnet"} | SMALL_PATCHES, "trees.safetensors"


EXAMPLES: dict[str, Example] = {
    "anatomy.fill": anatomy_fill,
    "anatomy.fit": anatomy_fit,
    "anatomy.generate": anatomy_generate,
    "anatomy.morph": anatomy_morph,
    "anatomy.outline": anatomy_outline,
    "anatomy.shapes": anatomy_shapes,
    "anatomy.train": anatomy_train,
    "axons.connect": axons_connect,
    "axons.join": axons_join,
    "axons.export": axons_export,
    "axons.finetune": axons_finetune,
    "axons.measure": axons_measure,
    "axons.trace": axons_trace,
    "axons.train": axons_train,
    "segment.predict": segment_predict,
    "segment.pretrain": segment_pretrain,
    "segment.train": segment_train,
    "segment.train stack": segment_train_stack,
    "vessels.finetune": vessels_finetune,
    "vessels.finetune unet": vessels_finetune_unet,
    "vessels.predict": vessels_predict,
    "vessels.pretrain": vessels_pretrain,
    "vessels.pretrain-pixels": vessels_pretrain_pixels,
    "vessels.labels": vessels_labels,
    "vessels.analyse": vessels_analyse,
    "vessels.batch": vessels_batch,
    "vessels.propose": vessels_propose,
    "staining.stain": staining_stain,
    "staining.despeckle": staining_despeckle,
    "staining.train": staining_train,
    "staining.train-despeckler": staining_train_despeckler,
    "staining.match": staining_match,
    "staining.export-review": staining_export_review,
    "staining.export": staining_export,
    "staining.export a field": staining_export_field,
    "staining.export the review": staining_export_geojson,
}


def operation_of(example: str) -> str:
    """The name of the operation that an example is of."""
    return example.partition(" ")[0]
