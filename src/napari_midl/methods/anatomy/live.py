"""A mesh that follows the landmarks, ready to be drawn."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.methods.anatomy.checks import turned_over
from napari_midl.methods.anatomy.overlap import share_inside
from napari_midl.methods.anatomy.settings import GenerateSettings
from napari_midl.volumes.meshes import MM, cluster_vertices
from napari_midl.volumes.space import Space

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.methods.anatomy.alignment import Points
    from napari_midl.methods.anatomy.apply import Anatomy, Generated
    from napari_midl.methods.anatomy.outline import Outline
    from napari_midl.volumes.landmarks import Landmarks
    from napari_midl.volumes.volume import Volume

# One in thirteen of the vertices of a mandible remains.
_CELL_MM = 4.0
# Without a scan a voxel is a millimetre, and the first one lies where x, y and z are 0.
IN_MM = Space((1.0, 1.0, 1.0), MM, (0.0, 0.0, 0.0))


@dataclass(frozen=True)
class MeshRequest:
    """What to generate, and how to show it.

    Parameters
    ----------
    landmarks : Landmarks
        At least four, to be generated.
    model : str or Path
        As in `named_model`.
    settings : GenerateSettings
        How to generate.
    scan : Volume, optional
        In whose voxels the mesh is shown; else in millimetres.
    target : Outline, optional
        What to measure the distance to; else the uncertainty is shown.
    coarse : bool
        Show fewer triangles, which are quicker to draw while a hand moves.
    fitted : Generated, optional
        What was made of the landmarks and pulled onto the bone: shown as it is, not made anew.
    to_bone : bool
        Show how far a fitted mesh lies from the bone; else its uncertainty.
    """

    landmarks: Landmarks
    model: str | Path = "base"
    settings: GenerateSettings = field(default_factory=GenerateSettings)
    scan: Volume | None = None
    target: Outline | None = None
    coarse: bool = False
    fitted: Generated | None = None
    to_bone: bool = True

    @property
    def space(self) -> Space:
        """Where the voxels lie in which the mesh is shown."""
        return IN_MM if self.scan is None else self.scan.space

    @property
    def shows_distance(self) -> bool:
        """Whether the colours show a distance, or how unsure the mesh is."""
        return self.target is not None or (self.fitted is not None and self.to_bone)

    def same_shape(self, other: MeshRequest) -> bool:
        """Whether what it generates is the same."""
        return (
            self.landmarks is other.landmarks
            and self.scan is other.scan
            and (self.model, self.settings) == (other.model, other.settings)
        )


@dataclass(frozen=True)
class ShownMesh:
    """A generated mesh, ready to be shown.

    Parameters
    ----------
    request : MeshRequest
        What it was generated from.
    generated : Generated
        Mesh, uncertainty and landmarks, in mm.
    vertices : ndarray of float32, shape (V, 3)
        In voxels ``(z, y, x)``.
    faces : ndarray of int32, shape (F, 3)
        Triangles of those vertices; fewer than the mesh has, where it was to be coarse.
    values : ndarray of float32, shape (V,)
        What its colours show, in mm.
    volume : float
        What the mesh encloses, in cubic mm.
    inside : float
        Share of that volume which lies in the scan; 1 without one, or where it is coarse.
    sha256 : str
        Hash of the model's weights.
    """

    request: MeshRequest
    generated: Generated
    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    values: NDArray[np.float32]
    volume: float
    inside: float
    sha256: str

    @property
    def turned(self) -> bool:
        """Whether what is called left lies on the right of the patient."""
        scan, settings = self.request.scan, self.request.settings
        space = None if scan is None else scan.space
        return turned_over(self.generated.landmarks, space, settings.mirrored)

    def moved(self, vertices: Points) -> ShownMesh:
        """The same with its vertices at other places, ndarray of shape (V, 3) in mm."""
        at = self.request.space.to_voxel(vertices, MM)
        return replace(self, vertices=at.astype(np.float32))


class LiveGenerator:
    """Generates one mesh after the other; the model stays loaded. One thread at a time."""

    def __init__(self) -> None:
        self._loaded: tuple[str | Path, Anatomy, str] | None = None

    def generate(self, request: MeshRequest) -> ShownMesh:
        """The mesh of a request.

        Raises
        ------
        InputError
            If the model cannot be read, or the landmarks fit no shape.
        """
        if self._loaded is None or self._loaded[0] != request.model:
            self._loaded = _load(request.model)
        _, anatomy, sha256 = self._loaded
        made = request.fitted or anatomy.generate(request.landmarks, request.settings)
        return shown(request, made, sha256)


def shown(request: MeshRequest, generated: Generated, sha256: str) -> ShownMesh:
    """A generated mesh as it is shown.

    Parameters
    ----------
    request : MeshRequest
        How to show it.
    generated : Generated
        The mesh.
    sha256 : str
        Hash of the weights that made it.
    """
    mesh = generated.mesh
    vertices, faces, values = mesh.vertices, mesh.faces, generated.uncertainty
    if request.coarse:
        kept, faces = cluster_vertices(vertices, faces, _CELL_MM)
        vertices, values = vertices[kept], values[kept]
    if request.target is not None:
        values = request.target.distance(vertices)
    elif generated.fit is not None and request.shows_distance:
        values = generated.fit.after.distances
    inside = 1.0
    if request.scan is not None and not request.coarse:
        inside = share_inside(mesh, request.scan)
    return ShownMesh(
        request,
        generated,
        request.space.to_voxel(vertices, MM).astype(np.float32),
        faces,
        np.asarray(values, np.float32),
        mesh.volume,
        inside,
        sha256,
    )


def _load(name: str | Path) -> tuple[str | Path, Anatomy, str]:
    """A model made ready, and the hash of its weights; torch is imported here, not before."""
    from napari_midl.methods.anatomy.apply import Anatomy
    from napari_midl.methods.anatomy.models import named_model

    model = named_model(name)
    return name, Anatomy(model), model.sha256
