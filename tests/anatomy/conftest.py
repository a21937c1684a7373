"""Ellipsoids with landmarks that stand for a bone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
import trimesh

from napari_midl.methods.anatomy.shapes import Shape
from napari_midl.methods.anatomy.template import Template, load_template
from napari_midl.volumes.landmarks import Landmarks, write_landmarks
from napari_midl.volumes.meshes import Mesh, write_mesh

if TYPE_CHECKING:
    from pathlib import Path

POLES = {
    "left": (1, 0, 0),
    "right": (-1, 0, 0),
    "front": (0, -1, 0),
    "back": (0, 1, 0),
    "top": (0, 0, 1),
    "bottom": (0, 0, -1),
    "cheek left": (0.6, -0.64, 0.48),
    "cheek right": (-0.6, -0.64, 0.48),
}
PARTNERS = {"left": "right", "right": "left", "cheek left": "cheek right"}
PARTNERS["cheek right"] = "cheek left"


Ellipsoid = Callable[[np.ndarray], Shape]


@pytest.fixture(scope="session")
def ellipsoid() -> Ellipsoid:
    """A shape from its radii along x, y and z in mm."""
    ball = trimesh.creation.icosphere(subdivisions=3)
    points = np.array(list(POLES.values()), float)

    def make(radii: np.ndarray) -> Shape:
        return Shape(
            "egg", Mesh(ball.vertices * radii, ball.faces.astype(np.int32)), points * radii
        )

    return make


@pytest.fixture(scope="session")
def eggs(ellipsoid: Ellipsoid) -> list[Shape]:
    """Thirty of them."""
    rng = np.random.default_rng(0)
    return [ellipsoid(r) for r in [30.0, 40.0, 25.0] * (1 + 0.15 * rng.normal(size=(30, 3)))]


@pytest.fixture(scope="session")
def egg(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Its template, through a file, as another bone would come."""
    landmarks = [
        {
            "name": name,
            "number": k + 1,
            "description": f"the {name}",
            "mirror": PARTNERS.get(name, ""),
            "group": "pole",
        }
        for k, name in enumerate(POLES)
    ]
    path = tmp_path_factory.mktemp("template") / "egg.json"
    path.write_text(json.dumps({"name": "egg", "description": "an egg", "landmarks": landmarks}))
    return load_template(path)


@pytest.fixture
def folder(tmp_path: Path, eggs: list[Shape], egg: Template) -> Path:
    """Twelve of them as files, and the template."""
    folder = tmp_path / "shapes"
    folder.mkdir()
    for k, shape in enumerate(eggs[:12]):
        write_mesh(folder / f"egg{k}.ply", shape.mesh, "test")
        write_landmarks(folder / f"egg{k}.csv", Landmarks(egg.names, shape.landmarks))
    (tmp_path / "egg.json").write_text(json.dumps(egg.to_dict()))
    return folder
