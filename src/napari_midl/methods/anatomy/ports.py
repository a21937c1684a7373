"""What goes into the anatomy operations and comes out of them, beside images."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_midl.engine.hashes import hash_path, hash_voxels
from napari_midl.engine.inputs import FileIn, In, ModelIn, NamedIn
from napari_midl.engine.outputs import FileOut
from napari_midl.engine.ports import IN_MEMORY
from napari_midl.errors import InputError

if TYPE_CHECKING:
    from napari_midl.engine.models import Model
    from napari_midl.methods.anatomy.template import Template
    from napari_midl.volumes.landmarks import Landmarks
    from napari_midl.volumes.meshes import Mesh

ZARR, NIFTI = ".ome.zarr", ".nii.gz"
MASKS = (ZARR, NIFTI)


@dataclass(frozen=True)
class AnatomyModelIn(ModelIn):
    """``base`` (the shipped mandible), or the path of a model."""

    def open(self) -> Model:
        """The model, its network in evaluation mode."""
        from napari_midl.methods.anatomy.models import named_model

        return named_model(self.name)


@dataclass(frozen=True)
class LandmarksIn(FileIn):
    """A ``.csv`` (name,x,y,z in mm, empty where missing), or Slicer's ``.mrk.json``, ``.fcsv``.

    In mm of the world (LPS), as 3D Slicer has them.
    """

    @classmethod
    def of(cls, landmarks: Landmarks, kept_as: str = "landmarks.csv") -> LandmarksIn:
        """Landmarks that are in memory, and as what to keep them."""

        def write(path: Path) -> None:
            from napari_midl.volumes.landmarks import write_landmarks

            write_landmarks(path, landmarks)

        return cls(None, write, kept_as)


@dataclass(frozen=True)
class TemplateIn(NamedIn["Template"]):
    """``mandible``, or a template file that names the landmarks of another shape."""

    name: str = "mandible"

    def open(self) -> Template:
        """The template."""
        from napari_midl.methods.anatomy.template import load_template

        return load_template(self.name)

    def identity(self, opened: Template) -> dict[str, Any]:
        """The hash of what it says."""
        text = json.dumps(opened.to_dict(), sort_keys=True)
        return {"sha256": hashlib.sha256(text.encode()).hexdigest()}

    @property
    def files(self) -> list[Path]:
        """The file, unless it is a shipped one."""
        return [Path(self.name)] if "." in self.name else []


@dataclass(frozen=True)
class MeshIn(In["Mesh"]):
    """The closed ``.ply``, ``.stl`` or ``.obj``, in mm of the world (LPS).

    Parameters
    ----------
    path : Path or None
        None where it is in memory only.
    mesh : Mesh, optional
        The mesh itself.
    """

    path: Path | None
    # A `Mesh`, whose module takes long to import.
    mesh: Any = field(default=None, repr=False, compare=False, metadata=IN_MEMORY)

    def open(self) -> Mesh:
        """The mesh."""
        if self.mesh is not None:
            mesh: Mesh = self.mesh
            return mesh
        if self.path is None:
            raise InputError("the mesh of this run came from no file; export it, and fill that.")
        from napari_midl.volumes.meshes import read_mesh

        return read_mesh(self.path, closed=True)

    def identity(self, opened: Mesh) -> dict[str, Any]:
        """The hash of the file."""
        return {"sha256": hash_path(self.path)} if self.path else {"volume": opened.volume}


@dataclass(frozen=True)
class MeshOut(FileOut):
    """The ``.ply``, ``.stl`` or ``.obj`` (mm, LPS) to write."""

    endings = (".ply", ".stl", ".obj")


@dataclass(frozen=True)
class MaskOut(FileOut):
    """The ``.ome.zarr`` or ``.nii.gz`` to write."""

    endings = MASKS

    def identity(self, path: Path) -> str:
        """Hash over the voxels of the finest level."""
        return hash_voxels(path)


@dataclass(frozen=True)
class ShapeOut(FileOut):
    """The ``.ply``, ``.stl`` or ``.obj`` (mm, LPS), ``.ome.zarr`` or ``.nii.gz`` (mask) to write.

    A table of its landmarks lies beside it.
    """

    endings = (*MeshOut.endings, *MASKS)

    def companions(self, path: Path) -> list[Path]:
        """The table of landmarks."""
        return [table_path(path)]

    def identity(self, path: Path) -> str:
        """Hash of a mesh's file, or over the voxels of a mask."""
        return hash_voxels(path) if path.name.endswith(MASKS) else hash_path(path)


def table_path(out: Path) -> Path:
    """Where the table of landmarks of an output goes."""
    return out.with_name(f"{out.name}.landmarks.csv")
