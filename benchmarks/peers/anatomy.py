"""A mandible from its landmarks, by what was made of other mandibles alone."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.anatomy_unseen import TEMPLATE, real, shapes_of
from benchmarks.peers import Found, Places, Task
from napari_midl.engine.jobs import run
from napari_midl.methods.anatomy import learn
from napari_midl.methods.anatomy.alignment import thin_plate
from napari_midl.methods.anatomy.apply import Anatomy
from napari_midl.methods.anatomy.score import between
from napari_midl.methods.anatomy.settings import GenerateSettings, TrainSettings
from napari_midl.volumes.landmarks import Landmarks
from napari_midl.volumes.meshes import Mesh

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Literal

    from napari_midl.methods.anatomy.shapes import Shape

    Made = Callable[[Path, Shape], tuple[list[Mesh], float]]

MESHES = ("dynjaw", "vkh", "opensim")


def _model(
    method: Literal["warped", "linear"], data: Path, base: Shape
) -> tuple[list[Mesh], float]:
    names = [shape.name for shape in real(data)[1] if shape.name != base.name]
    # Neither way asks the network, so that it need not learn.
    settings = TrainSettings(steps=20)
    anatomy = Anatomy(run(learn.train(shapes_of(data, names), TEMPLATE, settings)))
    marks = Landmarks(TEMPLATE.names, base.landmarks)
    started = time.process_time()
    made = anatomy.generate(marks, GenerateSettings(method=method)).mesh
    return [made], time.process_time() - started


def _warped(smooth: bool, data: Path, base: Shape) -> tuple[list[Mesh], float]:
    """One mesh from each of the others: the score is their mean."""
    others = [shape for shape in real(data)[1] if shape.name != base.name]
    started = time.process_time()
    made = [
        Mesh(
            thin_plate(other.landmarks, base.landmarks, smooth=smooth)(other.mesh.vertices),
            other.mesh.faces,
        )
        for other in others
    ]
    return made, (time.process_time() - started) / len(made)


def _scored(made: Made, places: Places, name: str) -> Found:
    data = places.data / "anatomy"
    true, base = next(pair for pair in zip(*real(data), strict=True) if pair[0].name == name)
    meshes, seconds = made(data, base)
    found = [between(mesh, true.mesh) for mesh in meshes]
    return Found(
        {
            "SMD mm": sum(each.mean for each in found) / len(found),
            "HD95 mm": sum(each.hausdorff95 for each in found) / len(found),
        },
        seconds,
    )


TASKS = [
    Task(
        "a mandible from 23 landmarks",
        "place 23 landmarks",
        MESHES,
        {
            "ours": partial(_scored, partial(_model, "warped")),
            "linear shape model": partial(_scored, partial(_model, "linear")),
            "thin plate r² log r of one mesh": partial(_scored, partial(_warped, True)),
            "thin plate r of one mesh": partial(_scored, partial(_warped, False)),
        },
    )
]
