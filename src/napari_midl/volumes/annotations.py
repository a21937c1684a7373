"""What a person painted: small patches over a volume, each kept in a file of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import not_written, whole_file

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.volumes.volume import Volume

VERSION = 1


@dataclass(frozen=True)
class Patch:
    """A painted box.

    Parameters
    ----------
    origin : tuple of int
        Its first voxel ``(z, y, x)`` in level 0 of the volume.
    labels : array of uint8, shape (Z, Y, X)
        0 unlabelled, 1 background, 2 and up the classes; may be lazy.
    name : str
        What to call it.
    """

    origin: tuple[int, int, int]
    labels: Any
    name: str = "patch"


class AnnotationStore:
    """A folder of patches painted over one volume.

    Each patch is a compressed TIFF whose description says where it lies and on what, so
    that it can be read alone and moved. A file appears only once it is complete.

    Parameters
    ----------
    folder : Path
        Made when the first patch is saved.
    volume : Volume
        Axes ``Z Y X``.
    """

    def __init__(self, folder: Path, volume: Volume) -> None:
        self.folder = folder
        self.volume = volume

    def save(self, patch: Patch) -> Path:
        """Write a patch, in the place of an earlier one of its name.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        path = self.path(patch.name)
        about = {
            "napari-midl": VERSION,
            "origin": list(patch.origin),
            "volume": self.volume.name,
            "volume_shape": list(self.volume.shape),
        }
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise not_written(self.folder, error) from error
        with whole_file(path) as beside:
            tifffile.imwrite(
                beside,
                np.asarray(patch.labels, np.uint8),
                photometric="minisblack",
                compression="zlib",
                description=json.dumps(about),
                metadata=None,
            )
        return path

    def load(self) -> tuple[list[Patch], list[str]]:
        """Read all patches.

        Returns
        -------
        patches : list of Patch
            Those that can be read, by name.
        problems : list of str
            A sentence for each file that cannot, or lies over another volume.
        """
        patches, problems = [], []
        for path in sorted(self.folder.glob("*.tif")) if self.folder.is_dir() else []:
            try:
                patches.append(self._read(path))
            except InputError as error:
                problems.append(str(error))
        return patches, problems

    def rename(self, old: str, new: str) -> None:
        """Give a patch another name; nothing happens to one that was never saved.

        Raises
        ------
        InputError
            If there is a patch of the new name, or the file cannot be moved.
        """
        source, target = self.path(old), self.path(new)
        if target == source:
            return
        if target.exists():
            raise InputError(f"{target} exists already; give the patch {old} another name.")
        try:
            source.rename(target)
        except FileNotFoundError:
            return
        except OSError as error:
            raise not_written(target, error) from error

    def remove(self, name: str) -> None:
        """Delete a patch."""
        self.path(name).unlink(missing_ok=True)

    def path(self, name: str) -> Path:
        """Where a patch of a name is kept."""
        safe = "".join(c if c.isalnum() or c in "-_ " else "_" for c in name)
        return self.folder / f"{safe}.tif"

    def _read(self, path: Path) -> Patch:
        try:
            with tifffile.TiffFile(path) as file:
                about = json.loads(file.pages[0].description)  # type: ignore[union-attr]
                labels = file.asarray()
            if about["napari-midl"] != VERSION:
                raise InputError(
                    f"{path} is a patch of another version; open it with that release."
                )
            shape, on = tuple(about["volume_shape"]), str(about["volume"])
            z, y, x = (int(o) for o in about["origin"])
            if labels.dtype != np.uint8 or labels.ndim not in (2, 3):
                raise ValueError(f"labels are {labels.dtype} of shape {labels.shape}")
        except InputError:
            raise
        except Exception as error:  # tifffile and its codecs raise many classes
            fault = (str(error) or type(error).__name__).splitlines()[0]
            raise InputError(
                f"{path} is no complete painted patch ({fault}); move it out of the project folder."
            ) from error
        if shape != self.volume.shape:
            raise InputError(
                f"{path} was painted on {on} of shape {shape}, not on "
                f"{self.volume.name} of {self.volume.shape}; choose another project folder."
            )
        if labels.ndim == 2:
            labels = labels[None]
        ends = [o + n for o, n in zip((z, y, x), labels.shape, strict=True)]
        if min(z, y, x) < 0 or any(e > n for e, n in zip(ends, shape, strict=True)):
            raise InputError(
                f"{path} reaches beyond {self.volume.name} of shape {shape}; move it out of the "
                "project folder."
            )
        return Patch((z, y, x), labels, path.stem)
