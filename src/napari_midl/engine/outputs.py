"""What comes out of an operation, each with the type that knows where it may be written."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from napari_midl.engine.hashes import hash_path, hash_voxels
from napari_midl.engine.models import SUFFIX
from napari_midl.engine.ports import IN_MEMORY, UNRECORDED, Port
from napari_midl.engine.runs import record_path
from napari_midl.errors import InputError
from napari_midl.volumes.atomic import refuse_existing
from napari_midl.volumes.boxes import check_box


@dataclass(frozen=True)
class Out(Port):
    """Base of all outputs: a path that is not taken, written by one run at a time.

    Parameters
    ----------
    path : Path or None
        Where to write; None leaves the result in memory, without a record.
    """

    endings: ClassVar[tuple[str, ...]] = ()

    path: Path | None

    def companions(self, path: Path) -> list[Path]:
        """Files that are written beside `path` and belong to it."""
        return []

    def record(self, path: Path) -> Path:
        """Where the run record of `path` goes."""
        return record_path(path)

    def identity(self, path: Path) -> str:
        """SHA-256 of what was written to `path`."""
        return hash_path(path)

    def check(self) -> None:
        """Refuse, before anything is computed, what could not be written at the end.

        Raises
        ------
        InputError
            If the name has another ending, is taken, or lies where nothing can be written.
        """
        path = self.path
        if path is None:
            return
        if self.endings and not path.name.endswith(self.endings):
            raise InputError(f"{path} does not end in {' or '.join(self.endings)}; name it so.")
        self.check_free(path)
        above = next((p for p in path.absolute().parents if p.exists()), None)
        if above is None or not above.is_dir() or not os.access(above, os.W_OK):
            raise InputError(f"{path} cannot be written; choose a folder that you may write to.")

    def check_free(self, path: Path) -> None:
        """Refuse a path that is taken.

        Raises
        ------
        InputError
            If so.
        """
        refuse_existing(path)


@dataclass(frozen=True)
class FileOut(Out):
    """A file, together with what belongs to it; it appears once all of it is written.

    Parameters
    ----------
    replace : bool
        Write over what is there: a person was asked.
    """

    replace: bool = field(default=False, metadata=IN_MEMORY)

    def check_free(self, path: Path) -> None:
        """Refuse a path that is taken, unless it is to be replaced."""
        if not self.replace:
            super().check_free(path)


@dataclass(frozen=True)
class TableOut(FileOut):
    """The ``.csv`` to write."""

    endings = (".csv",)


@dataclass(frozen=True)
class ModelOut(Out):
    """The ``.safetensors`` file to write; a training that was stopped goes on."""

    endings = (SUFFIX,)

    def identity(self, path: Path) -> str:
        """Hash of the weights as they are when loaded, whatever the card says."""
        from napari_midl.engine.models import hash_file

        return hash_file(path)


@dataclass(frozen=True)
class FolderOut(Out):
    """The folder to write; it appears once all of it is written."""


@dataclass(frozen=True)
class OmeZarrOut(Out):
    """The ``.ome.zarr`` folder to write; it grows tile by tile.

    Parameters
    ----------
    resume : bool
        Go on with an output that was stopped.
    scheduler : str, optional
        Address of a dask.distributed scheduler on whose workers to compute.
    box : str
        Compute only the tiles about a part, z0:z1,y0:y1,x0:x1 in voxels counted from 0, such as
        10:20,0:512,0:512, where an end may be left out; by default all. The output has the size
        of the image, and more can be added to it later, by another box or by none and `resume`.
    """

    endings = (".ome.zarr", ".zarr")

    resume: bool = field(default=False, metadata=UNRECORDED)
    scheduler: str | None = field(default=None, metadata=UNRECORDED)
    box: str = ""

    def __post_init__(self) -> None:
        if self.box:
            check_box(self.box)

    def check_free(self, path: Path) -> None:
        """Refuse a path that is taken, or to resume what cannot be."""
        from napari_midl.engine.journal import check

        check(path, self.resume)

    def identity(self, path: Path) -> str:
        """Hash over the voxels of the finest level, as far as they were asked for."""
        return hash_voxels(path, self.box)
