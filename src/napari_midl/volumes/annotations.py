"""What a person painted: small patches over a volume, each kept in a file of its own."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import not_written, whole_file
from napari_midl.volumes.boxes import box_of
from napari_midl.volumes.classes import Classes
from napari_midl.volumes.own_files import OwnFiles

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.volumes.boxes import Region
    from napari_midl.volumes.volume import Volume

VERSION = 1
CLASSES_FILE = "classes.json"
REMOVED = "removed"
# What a folder that names no classes was painted with: none was named before there were others.
UNNAMED = Classes("background", "vessel")


@dataclass(frozen=True)
class Patch:
    """A painted box.

    Parameters
    ----------
    origin : tuple of int
        Its first voxel ``(z, y, x)`` or ``(y, x)`` in level 0 of the volume.
    labels : array of uint8, shape (Z, Y, X) or (Y, X)
        Values of `Classes`, 0 unlabelled; may be lazy.
    name : str
        What to call it.
    """

    origin: tuple[int, ...]
    labels: Any
    name: str = "patch"

    @property
    def box(self) -> Region:
        """What it covers of the volume."""
        return box_of(self.origin, self.labels.shape)

    def painted(self) -> Patch | None:
        """A copy of the smallest part that holds all that is painted; None where nothing is."""
        labels = np.asarray(self.labels, np.uint8)
        if not labels.any():
            return None
        inside = []
        for axis in range(labels.ndim):
            others = tuple(other for other in range(labels.ndim) if other != axis)
            places = np.flatnonzero(labels.any(axis=others))
            inside.append(slice(int(places[0]), int(places[-1]) + 1))
        origin = tuple(o + s.start for o, s in zip(self.origin, inside, strict=True))
        return Patch(origin, labels[tuple(inside)].copy(), self.name)


class AnnotationStore:
    """A folder of patches painted over one volume, with the names of its classes.

    Each patch is a compressed TIFF whose description says where it lies and on what, so
    that it can be read alone and moved. A file appears only once it is complete, and what another
    window wrote in the place of one becomes a patch of its own.

    Parameters
    ----------
    folder : Path
        Made when the first patch is saved.
    volume : Volume
        Axes ``Z Y X`` or ``Y X``.
    classes : Classes
        What the labels mean.

    Attributes
    ----------
    own : OwnFiles
        The patches as they were last read or written.
    """

    def __init__(self, folder: Path, volume: Volume, classes: Classes = UNNAMED) -> None:
        self.folder = folder
        self.volume = volume
        self.classes = classes
        self.own = OwnFiles()

    def kept_classes(self) -> Classes | None:
        """The classes that the folder was painted with, or None if it holds no patch.

        Raises
        ------
        InputError
            If their file is damaged.
        """
        path = self.folder / CLASSES_FILE
        try:
            return Classes.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except (FileNotFoundError, NotADirectoryError):
            painted = self.folder.is_dir() and any(self.folder.glob("*.tif"))
            return UNNAMED if painted else None
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path} names no classes ({error}); restore it, or move the folder away."
            ) from error

    def save(self, patch: Patch) -> Path:
        """Write a patch, in the place of an earlier one of its name.

        Raises
        ------
        InputError
            If the folder cannot be written, or was painted with other classes.
        """
        path = self.path(patch.name)
        kept = self._agreed_classes()
        about = {
            "napari-midl": VERSION,
            "origin": list(patch.origin),
            "volume": self.volume.name,
            "volume_shape": list(self.volume.shape),
            "shape": list(patch.labels.shape),
        }
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise not_written(self.folder, error) from error
        if self.classes != (kept or UNNAMED):
            self._write_classes()
        self.own.make_way(path)
        with whole_file(path) as beside:
            tifffile.imwrite(
                beside,
                np.asarray(patch.labels, np.uint8),
                photometric="minisblack",
                compression="zlib",
                description=json.dumps(about),
                metadata=None,
            )
        self.own.saw(path)
        return path

    def rename_classes(self) -> None:
        """Let what is painted mean these classes from now on; its values stay.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        if self.kept_classes() is not None:
            self._write_classes()

    def load(self) -> tuple[list[Patch], list[str]]:
        """Read all patches.

        Returns
        -------
        patches : list of Patch
            Those that can be read, by name.
        problems : list of str
            A sentence for each file that cannot, lies over another volume or holds an unknown
            label; one sentence alone if the folder was painted with other classes.
        """
        try:
            self._agreed_classes()
        except InputError as error:
            return [], [str(error)]
        patches, problems = [], []
        for path in sorted(self.folder.glob("*.tif")) if self.folder.is_dir() else []:
            self.own.saw(path)
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
        _move(source, target)
        self.own.saw(target)

    def remove(self, name: str) -> Path | None:
        """Move a patch into the bin, a folder beside the patches.

        Returns
        -------
        Path or None
            Where it is now; None if it was never saved.

        Raises
        ------
        InputError
            If the file cannot be moved.
        """
        source = self.path(name)
        target, number = self.folder / REMOVED / source.name, 1
        while target.exists():
            number += 1
            target = self.folder / REMOVED / f"{source.stem} ({number}).tif"
        return target if _move(source, target) else None

    def bring_back(self, removed: Path, name: str) -> None:
        """Take a patch out of the bin, under a name that is free.

        Raises
        ------
        InputError
            If the file cannot be moved.
        """
        _move(removed, self.path(name))
        self.own.saw(self.path(name))

    def taken(self, name: str) -> bool:
        """Whether a patch has a name, or one in the bin."""
        path = self.path(name)
        return path.exists() or (self.folder / REMOVED / path.name).exists()

    def path(self, name: str) -> Path:
        """Where a patch of a name is kept."""
        safe = "".join(c if c.isalnum() or c in "-_ " else "_" for c in name)
        return self.folder / f"{safe}.tif"

    def _write_classes(self) -> None:
        with whole_file(self.folder / CLASSES_FILE) as beside:
            text = json.dumps(self.classes.to_dict(), indent=2)
            beside.write_text(f"{text}\n", encoding="utf-8")

    def _agreed_classes(self) -> Classes | None:
        """The folder's classes, if all of them mean the same to us."""
        kept = self.kept_classes()
        if kept is not None and not self.classes.extends(kept):
            raise InputError(
                f"{self.folder} was painted with {kept.legend}, not with {self.classes.legend}; "
                "choose another project folder."
            )
        return kept

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
            origin = tuple(int(o) for o in about["origin"])
            if len(origin) != len(shape):
                raise ValueError(f"its origin {origin} is not one of {len(shape)} axes")
            if labels.dtype != np.uint8 or labels.ndim not in (len(shape) - 1, len(shape)):
                raise ValueError(f"labels are {labels.dtype} of shape {labels.shape}")
            if math.prod(about.get("shape", labels.shape)) != labels.size:
                raise ValueError("it is cut short")
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
        if labels.ndim == len(shape) - 1:
            labels = labels[None]
        self.classes.check(labels, str(path))
        ends = [o + n for o, n in zip(origin, labels.shape, strict=True)]
        if min(origin) < 0 or any(e > n for e, n in zip(ends, shape, strict=True)):
            raise InputError(
                f"{path} reaches beyond {self.volume.name} of shape {shape}; move it out of the "
                "project folder."
            )
        return Patch(origin, labels, path.stem)


def _move(source: Path, target: Path) -> bool:
    """Move a file; whether there was one."""
    try:
        if not source.exists():
            return False
        target.parent.mkdir(exist_ok=True)
        source.rename(target)
    except OSError as error:
        raise not_written(target, error) from error
    return True
