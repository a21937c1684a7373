"""The anatomy operations from paths to paths, each leaving a run record beside its output."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_midl.engine.checkpoints import Checkpoint
from napari_midl.engine.jobs import Job, Progress
from napari_midl.engine.models import check_model_path, save_model, whole_name
from napari_midl.engine.runs import Run, record_path, write_run
from napari_midl.engine.uncertainty import end_of_colours, painted
from napari_midl.errors import InputError
from napari_midl.methods.anatomy import apply, learn, population
from napari_midl.methods.anatomy.models import named_model
from napari_midl.methods.anatomy.registration import in_correspondence
from napari_midl.methods.anatomy.settings import GenerateSettings, ShapesSettings, TrainSettings
from napari_midl.methods.anatomy.shapes import list_shapes, read_shape
from napari_midl.methods.anatomy.template import load_template
from napari_midl.volumes.landmarks import Landmarks, read_landmarks, write_landmarks
from napari_midl.volumes.meshes import ENDINGS, write_mesh
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.tables import write_table

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.methods.anatomy.apply import Generated

ZARR = ".ome.zarr"


def generate(
    landmarks: Path,
    out: Path,
    model: str = "base",
    scan: Path | None = None,
    settings: GenerateSettings | None = None,
) -> Job[Run]:
    """Generate a shape from a file of landmarks.

    Parameters
    ----------
    landmarks : Path
        LANDMARKS.csv (``name,x,y,z`` in mm, empty = missing), or markups of 3D Slicer.
    out : Path
        ``.ply``, ``.stl`` or ``.obj`` in mm, or ``.ome.zarr`` for a mask. PLY and OBJ carry the
        uncertainty as colours. What the model thinks of each landmark goes to a table beside it.
    model : str
        ``base``, or the path of a model.
    scan : Path, optional
        The image whose grid a mask takes; without one it has voxels of 1 mm about the shape.
    settings : GenerateSettings, optional
        How.

    Returns
    -------
    Run
        The record, returned by the generator; it is also written beside `out`.

    Raises
    ------
    InputError
        If something cannot be read, does not fit or cannot be written.
    """
    settings = settings or GenerateSettings()
    started = time.monotonic()
    check_out(out)
    given = read_landmarks(landmarks)
    grid = open_volume(scan).spatial() if scan is not None else None
    chosen = named_model(model)
    try:
        made = yield from apply.generate(given, chosen, settings)
    except InputError as error:
        raise InputError(f"{landmarks}: {error}") from None
    if out.name.endswith(ZARR):
        yield from apply.write_mask(made.mesh, out, grid)
    else:
        provenance = (
            f"napari-midl anatomy generate, model {chosen.sha256[:12]}, {landmarks.name}, mm"
        )
        colours = None
        if np.isfinite(made.uncertainty).all():
            highest = end_of_colours(made.uncertainty)
            colours = painted(made.uncertainty, highest)
            provenance += f", colours: uncertainty from 0 to {highest:g} mm"
        write_mesh(out, made.mesh, provenance, colours)
    write_table(landmark_table(made), table_path(out))
    run = Run(
        "anatomy.generate",
        {
            "landmarks": str(landmarks.resolve()),
            "model": whole_name(model),
            "scan": str(scan.resolve()) if scan else None,
            "out": out.name,
        },
        settings.to_dict(),
        inputs={"landmarks": {"sha256": _hash(landmarks)}, "model": {"sha256": chosen.sha256}},
        outputs={
            "table": {"path": str(table_path(out).resolve()), "sha256": _hash(table_path(out))}
        },
        results={
            "misplaced": list(made.misplaced),
            "landmark to surface": float(np.nanmean(made.to_surface)),
            "volume": made.mesh.volume,
            "vertices": len(made.mesh.vertices),
        },
        seconds=time.monotonic() - started,
    )
    write_run(run, record_path(out))
    return run


def train(
    folder: Path,
    out: Path,
    template: str = "mandible",
    settings: TrainSettings | None = None,
    *,
    exactly: int | None = None,
) -> Job[Run]:
    """Train a generator on a folder of shapes and save it.

    Parameters
    ----------
    folder : Path
        Closed meshes (``.ply``, ``.stl``, ``.obj``, mm) or masks, each with landmarks of the
        same name (``.csv``, ``.mrk.json``, ``.fcsv``).
    out : Path
        The ``.safetensors`` file to write; a training that was stopped goes on.
    template : str
        ``mandible``, or the path of a template file.
    settings : TrainSettings, optional
        Which network, how long.
    exactly : int, optional
        Train for this many steps, whatever the settings say, as a replay does.

    Returns
    -------
    Run
        The record, returned by the generator; it is also written beside `out`.

    Raises
    ------
    InputError
        If something cannot be read, does not fit or cannot be written.
    """
    settings = settings or TrainSettings()
    started = time.monotonic()
    check_model_path(out)
    kind = load_template(template)
    pairs = list_shapes(folder)
    shapes = []
    for k, (shape, landmarks) in enumerate(pairs):
        yield Progress(k, len(pairs), f"reading {shape.name}")
        shapes.append(read_shape(shape, landmarks, kind))
    inputs = {"shapes": {"count": len(shapes), "sha256": _hash_all([p for q in pairs for p in q])}}
    checkpoint = Checkpoint.beside(out, settings, {**inputs, "template": kind.to_dict()})
    model = yield from learn.train(shapes, kind, settings, checkpoint, exactly=exactly)
    sha256 = save_model(model, out, half=True)
    checkpoint.remove()
    run = Run(
        "anatomy.train",
        {"folder": str(folder), "template": template},
        settings.to_dict(),
        inputs=inputs,
        outputs={"model": {"path": out.name, "sha256": sha256}},
        results={"steps": model.card["steps"], "spread_ratio": model.card["spread_ratio"]},
        seconds=time.monotonic() - started,
    )
    write_run(run, record_path(out))
    return run


def make_shapes(folder: Path, out: Path, settings: ShapesSettings | None = None) -> Job[Run]:
    """Make semi-real mandibles from the real meshes and people in a folder.

    Parameters
    ----------
    folder : Path
        Holds artisynth_dynjaw.obj, artisynth_vkh.obj, zvejnieki_landmarks.csv and
        corpus_semilandmarks.npz.
    out : Path
        A new folder for the meshes and their landmarks.
    settings : ShapesSettings, optional
        How many.

    Returns
    -------
    Run
        The record, returned by the generator; it is also written into `out`.

    Raises
    ------
    InputError
        If something cannot be read, or `out` exists.
    """
    settings = settings or ShapesSettings()
    started = time.monotonic()
    if out.exists():
        raise InputError(f"{out} exists already; name a new folder, nothing is overwritten.")
    template = load_template("mandible")
    yield Progress(0, 0, "placing landmarks on the meshes")
    bases = yield from in_correspondence(population.real_meshes(folder, template))
    yield Progress(0, 0, "placing people on the mesh")
    people = population.real_people(folder, bases[0], template)
    shapes = yield from population.make(bases, people, settings)
    out.mkdir(parents=True)
    for k, shape in enumerate(shapes):
        yield Progress(k, len(shapes), "writing shapes")
        name = f"{k:04d}-{shape.name}"
        write_mesh(out / f"{name}.ply", shape.mesh, "semi-real, napari-midl anatomy shapes, mm")
        write_landmarks(out / f"{name}.csv", Landmarks(template.names, shape.landmarks))
    run = Run(
        "anatomy.shapes",
        {"folder": str(folder)},
        settings.to_dict(),
        outputs={"shapes": {"path": out.name, "count": len(shapes)}},
        seconds=time.monotonic() - started,
    )
    write_run(run, out / "shapes.run.json")
    return run


def table_path(out: Path) -> Path:
    """Where the table of landmarks of an output goes."""
    return out.with_name(f"{out.name}.landmarks.csv")


def landmark_table(made: Generated) -> pd.DataFrame:
    """Each landmark, where it is, and what the model thinks of it."""
    x, y, z = made.landmarks.points.T
    columns: dict[str, Any] = {
        "name": made.landmarks.names,
        "x": x,
        "y": y,
        "z": z,
        "placed": made.spread == 0,
        "spread_mm": made.spread,
        "doubt": made.doubt,
        "to_surface_mm": made.to_surface,
    }
    return pd.DataFrame(columns)


def check_out(out: Path) -> None:
    """Refuse an output of another ending, in no folder, or a mask that is there already.

    Raises
    ------
    InputError
        If `out` cannot be written so.
    """
    if not out.name.endswith((*ENDINGS, ZARR)):
        raise InputError(f"{out} should end in {', '.join(ENDINGS)} or {ZARR}; rename it.")
    if not out.parent.is_dir():
        raise InputError(f"{out.parent} is no folder; make it first, or choose another.")
    if out.name.endswith(ZARR) and out.exists():
        raise InputError(f"{out} exists already; choose another name, nothing is overwritten.")


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _hash_all(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode())
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()
