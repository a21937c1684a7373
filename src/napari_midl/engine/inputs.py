"""What goes into an operation, each with the type that knows how to open and to name it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from napari_midl.engine.hashes import hash_path
from napari_midl.engine.models import SUFFIX
from napari_midl.engine.ports import IN_MEMORY, Port
from napari_midl.errors import InputError

if TYPE_CHECKING:
    from napari_midl.engine.models import Model
    from napari_midl.volumes.volume import Volume

T = TypeVar("T")


@dataclass(frozen=True)
class In(Port, Generic[T]):
    """Base of all inputs."""

    def open(self) -> T:
        """What lies there.

        Raises
        ------
        InputError
            If it cannot be read or used.
        """
        raise NotImplementedError

    def identity(self, opened: T) -> dict[str, Any]:
        """What tells it from another: a ``sha256`` or a ``fingerprint``, and what describes it."""
        raise NotImplementedError

    def again(self, identity: Mapping[str, Any]) -> Self:
        """Hook: the input that a record names so and identifies so, for its replay."""
        return self

    @property
    def files(self) -> list[Path]:
        """The files that it is read from, which no output may replace."""
        path = next((getattr(self, f.name) for f in fields(self)), None)
        return [path] if isinstance(path, Path) else []


@dataclass(frozen=True)
class ImageIn(In["Volume"]):
    """The image: one channel at one time, with axes ``Z Y X``.

    Parameters
    ----------
    path : Path or None
        Its file; None where it is in memory only.
    channel : int
        Channel to look at, counted from 0.
    time : int
        Time point to look at, counted from 0.
    axes : str
        What the axes of the file are, such as ZYX where slices were saved as time points or
        channels; by default as the file says.
    voxel_size : str
        Size of a voxel along z, y and x and its unit, such as "2,0.5,0.5 um", or one size for all
        three; by default the one that the file says, in whose place it is taken.
    volume : Volume, optional
        That channel at that time in that size, where it is open already.
    """

    path: Path | None
    channel: int = 0
    time: int = 0
    axes: str = ""
    voxel_size: str = ""
    # A `Volume`, whose module takes long to import.
    volume: Any = field(default=None, repr=False, compare=False, metadata=IN_MEMORY)

    def __post_init__(self) -> None:
        if self.voxel_size:
            from napari_midl.volumes.space import typed_space

            typed_space(self.voxel_size)

    @classmethod
    def of(cls, volume: Volume, channel: int = 0, time: int = 0, voxel_size: str = "") -> Self:
        """A volume that is open already, and which part of its file in which size it is."""
        path = Path(volume.source) if volume.source else None
        return cls(path, channel, time, voxel_size=voxel_size, volume=volume)

    def open(self) -> Volume:
        """The volume, lazily.

        Raises
        ------
        InputError
            If it came from no file, or its file cannot be used.
        """
        if self.volume is not None:
            volume: Volume = self.volume
            return volume
        found = self.part(self.whole())
        return found.resized(self.voxel_size) if self.voxel_size else found

    def whole(self) -> Volume:
        """All that lies in its file, lazily.

        Raises
        ------
        InputError
            As `open`.
        """
        if self.path is None:
            raise InputError(
                "the image of this run came from no file; save the image, open the file and run "
                "it again for a record that can be replayed."
            )
        from napari_midl.volumes.open import open_volume

        return open_volume(self.path, self.axes)

    def part(self, whole: Volume) -> Volume:
        """Hook: what of the file it is, or an `InputError` that says why it is none."""
        return whole.spatial(self.channel, self.time)

    def identity(self, opened: Volume) -> dict[str, Any]:
        """Its fingerprint, shape and scale."""
        source = str(self.path.resolve()) if self.path is not None else None
        return opened.identity() | {"source": source}


@dataclass(frozen=True)
class NamedIn(In[T]):
    """What comes with the package under a name, or lies in a file or folder.

    Parameters
    ----------
    name : str
        Its name, or a path.
    """

    name: str

    def recorded(self) -> dict[str, Any]:
        """A name as it is, a path in full."""
        return {"name": next((str(path.resolve()) for path in self.files), self.name)}


@dataclass(frozen=True)
class ModelIn(NamedIn["Model"]):
    """``base`` (shipped), or the path of a model; each method derives its own."""

    name: str = "base"

    @property
    def called(self) -> str:
        """A shipped model's name, or that of the file without its ending."""
        return Path(self.name).name.removesuffix(SUFFIX)

    def open(self) -> Model:
        """The model, its network in evaluation mode."""
        raise NotImplementedError

    def identity(self, opened: Model) -> dict[str, Any]:
        """The hash of its weights."""
        return {"sha256": opened.sha256}

    def again(self, identity: Mapping[str, Any]) -> Self:
        """The shipped model of the recorded weights: its name may have become that of another."""
        from napari_midl.engine.models import shipped_model

        recorded = str(identity.get("sha256"))
        shipped = None if self.files else shipped_model(recorded)
        if shipped is None or self.open().sha256 == recorded:
            return self
        return replace(self, name=str(shipped))

    @property
    def files(self) -> list[Path]:
        """The model's file, unless it is a shipped one."""
        return [Path(self.name)] if self.name.endswith(SUFFIX) else []


@dataclass(frozen=True)
class FileIn(In[Path]):
    """A file, or a folder of files, that the operation reads by itself.

    Parameters
    ----------
    path : Path or None
        Where it lies; None where `write` makes it.
    write : callable, optional
        Writes to a path what is in memory. The operation keeps that file beside its output,
        so that the record can be replayed.
    kept_as : str
        Name of the kept file after that of the output, such as ``traces.csv``; an ending alone,
        such as ``.csv``, names the output's own table.
    """

    path: Path | None
    write: Callable[[Path], object] | None = field(
        default=None, repr=False, compare=False, metadata=IN_MEMORY
    )
    kept_as: str = field(default="", repr=False, compare=False, metadata=IN_MEMORY)

    def open(self) -> Path:
        """Its path.

        Raises
        ------
        InputError
            If nothing is there.
        """
        if self.path is None:
            raise InputError("this run kept no file of its input; do it anew in the window.")
        if not self.path.exists():
            raise InputError(f"{self.path} does not exist; check the path.")
        return self.path

    def identity(self, opened: Path) -> dict[str, Any]:
        """The hash of the file, or of all files of the folder."""
        return {"sha256": hash_path(opened)}
