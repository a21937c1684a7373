"""A volume is a description and a lazy array; opening one reads no voxels."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes import space as spaces
from napari_midl.volumes.axes import AXES, SPATIAL, along, slices_elsewhere, swapped
from napari_midl.volumes.boxes import written
from napari_midl.volumes.counting import counted
from napari_midl.volumes.lazy import Lazy
from napari_midl.volumes.reading import StoredArray
from napari_midl.volumes.space import Space, sizes_in_words, typed_space

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_midl.volumes.boxes import Box, Region

_GIVE_IT = "give it with --voxel-size, or type it in under Data"


@dataclass(frozen=True)
class Volume:
    """An image of any size with named axes, a place in the world and a pyramid.

    Parameters
    ----------
    levels : tuple of Lazy
        The same image at falling resolution, finest first, all with `axes`.
    axes : tuple of str
        Names of the array's axes, a subset of ``T C Z Y X`` in that order.
    space : Space
        Size, place and direction of the voxels of level 0.
    name : str
        What to call the volume in a layer list or a table.
    source : str, optional
        The path or address it was opened from.
    channels : tuple of str
        Names of the channels, empty if they have none.
    notes : tuple of str
        Sentences on what was taken for granted when it was opened.
    inverted : bool
        Whether its values are not those of the file, in which 0 is white.
    no_slices : str
        Why it has one slice although its file may have more, and what to say then, as the
        beginning of a sentence; empty otherwise.
    said : Space, optional
        What its file says of its space, where another voxel size was typed.
    values : mapping of int to str
        What its values are called, where they are labels whose file says so.
    """

    levels: tuple[Lazy, ...]
    axes: tuple[str, ...]
    space: Space
    name: str
    source: str | None = None
    channels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    inverted: bool = False
    no_slices: str = ""
    said: Space | None = None
    values: Mapping[int, str] = field(default_factory=dict, compare=False)

    @classmethod
    def from_array(
        cls,
        array: Any,
        axes: Sequence[str] | None = None,
        scale: Sequence[float] | None = None,
        units: Sequence[str | None] | str | None = None,
        name: str = "array",
        source: str | None = None,
        origin: Sequence[float] | None = None,
        direction: ArrayLike = spaces.STRAIGHT,
    ) -> Volume:
        """Wrap a numpy, zarr or dask array, by default with its last axes ``Z Y X``.

        Parameters
        ----------
        array : array-like
            Read where it is indexed.
        axes : sequence of str, optional
            Names of its axes.
        scale, units : sequence, optional
            Along `axes`, or along Z, Y and X alone.
        name, source
            As in the class.
        origin, direction
            As for `Space.of`.

        Raises
        ------
        InputError
            If the array and the description of its axes do not fit.
        """
        data = array if isinstance(array, Lazy) else StoredArray(array, source or name)
        named = tuple(axes) if axes is not None else AXES[len(AXES) - data.ndim :]
        if len(named) != data.ndim:
            raise InputError(
                f"{name} has {data.ndim} axes but {len(named)} names ({' '.join(named)}); "
                "name each axis once."
            )
        sizes, own = along(named, scale), along(named, units)
        space = Space.of(sizes, own, origin, direction)
        return cls((data,), named, space.fitted(named, data.shape), name, source)

    @property
    def data(self) -> Lazy:
        """The finest level."""
        return self.levels[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the finest level."""
        return self.data.shape

    def read(self, region: Region) -> NDArray[Any]:
        """Voxels of a region of the finest level.

        Raises
        ------
        InputError
            If they cannot be read.
        """
        return np.asarray(self.data[region])

    @property
    def voxel_size(self) -> tuple[float, float, float]:
        """Size ``(z, y, x)`` of a voxel of the finest level in `unit`; ones where not known."""
        return self.space.voxel_size

    @property
    def unit(self) -> str | None:
        """Unit of `voxel_size`; None where it is not known."""
        return self.space.known_unit

    def sizes_in(self, unit: str) -> tuple[float, float, float]:
        """`voxel_size` in another unit of length.

        Raises
        ------
        InputError
            If the voxel size is not known.
        """
        self.check_known()
        return self.space.sizes_in(unit)

    def check_known(self) -> None:
        """Refuse a volume whose voxel size is not known.

        Raises
        ------
        InputError
            If so.
        """
        if not self.space.known:
            raise InputError(
                f"The voxel size of {self.name} is not known ({self.space.unknown}); {_GIVE_IT}."
            )

    @property
    def why_voxels(self) -> str:
        """Why lengths in it are in voxels, in a sentence; empty where they are not."""
        if self.space.known:
            return ""
        return (
            f"The voxel size of {self.name} is not known ({self.space.unknown}), so lengths are "
            f"in voxels; {_GIVE_IT}."
        )

    def resized(self, text: str) -> Volume:
        """The same voxels in the same place, of a size as `typed_space` takes it.

        Raises
        ------
        InputError
            If it is no size, or none for a stack.
        """
        space = self.space.resized(typed_space(text)).fitted(self.axes, self.shape)
        said = (self.said or self.space).fitted(self.axes, self.shape)
        sized = replace(self, space=space, said=said)
        if not sized.space.known:
            raise InputError(
                f"{text!r} is no voxel size of the stack {self.name}; write three sizes, along z, "
                "y and x, and their unit, such as 2,0.5,0.5 um."
            )
        return sized

    @property
    def size_in_words(self) -> str:
        """Shape and voxel size, the latter where it is known."""
        flat = self.shape[0] == 1
        what = "pixels" if flat else "voxels (z y x)"
        words = f"{' x '.join(map(str, self.shape[flat:]))} {what}"
        steps = self.voxel_size[flat:]
        if self.unit is not None or set(steps) != {1.0}:
            words += f" of {sizes_in_words(steps, self.unit)}"
        return f"{words}."

    def check_stack(self) -> None:
        """Refuse a volume of one slice.

        Raises
        ------
        InputError
            If it is one.
        """
        if self.shape[self.axes.index("Z")] > 1:
            return
        if self.no_slices:
            raise InputError(f"{self.no_slices}, and else give a stack: the network is 3D.")
        raise InputError(f"{self.name} has one slice and the network is 3D; give a stack.")

    def check_depth(self, deepest: float, what: str) -> None:
        """Refuse what lies deeper than the one slice of a volume that may have more.

        Parameters
        ----------
        deepest : float
            How far along z, in voxels.
        what : str
            What lies there.

        Raises
        ------
        InputError
            If so.
        """
        if self.no_slices and deepest >= 0.5:
            raise InputError(
                f"{self.no_slices}, and else choose one with --time or --channel and write z = 0: "
                f"{what} has z = {deepest:g}."
            )

    def spatial(self, channel: int = 0, time: int = 0) -> Volume:
        """One channel at one time as a volume with axes exactly ``Z Y X``.

        Raises
        ------
        InputError
            If there is no such channel or time, or no Y or X axis.
        """
        for axis, index, word in (("C", channel, "channel"), ("T", time, "time point")):
            count = self.shape[self.axes.index(axis)] if axis in self.axes else 1
            if not 0 <= index < count:
                raise InputError(
                    f"{self.name} has {counted(count, word)}, so there is no {word} {index}; "
                    f"choose one from 0 to {count - 1}."
                )
        if not {"Y", "X"} <= set(self.axes):
            raise InputError(f"{self.name} has axes {' '.join(self.axes)}; an image needs Y and X.")
        take = tuple({"C": channel, "T": time}.get(axis, slice(None)) for axis in self.axes)
        levels = tuple(level[take] for level in self.levels)
        if "Z" not in self.axes:
            levels = tuple(level[None] for level in levels)
        return replace(
            self,
            levels=levels,
            axes=SPATIAL,
            space=self.space.fitted(SPATIAL, levels[0].shape),
            channels=self.channels[channel : channel + 1],
            no_slices=self._why_no_slices() or self.no_slices,
        )

    def cut(self, box: Box) -> Volume:
        """A box ``Z Y X`` of it, at its finest level, where it lies; no voxel is read."""
        parts = dict(zip(SPATIAL, box, strict=True))
        inside = self.data[tuple(parts.get(axis, slice(None)) for axis in self.axes)]
        space = self.space.cut([part.start for part in box])
        name = f"{self.name} in the box {written(box)}"
        return replace(self, levels=(inside,), space=space, name=name)

    def _why_no_slices(self) -> str:
        axis, count = slices_elsewhere(self.axes, self.shape)
        if count < 2:
            return ""
        word = {"T": "time points", "C": "channels"}[axis]
        return (
            f"{self.source or self.name} has {count} {word} and no Z; if these are slices, say so "
            f"with --axes {swapped(self.axes, axis)}"
        )

    def identity(self, samples: int = 8) -> dict[str, Any]:
        """What a run record needs to tell this volume from another.

        The fingerprint hashes `samples` small blocks spread along the diagonal, so
        that it is cheap at any size; it proves that two volumes differ, not that
        they are equal.
        """
        digest = hashlib.sha256(repr((self.shape, str(self.data.dtype))).encode())
        for fraction in np.linspace(0, 1, samples):
            corner = [int(fraction * max(n - 16, 0)) for n in self.shape]
            block = self.read(tuple(slice(c, c + 16) for c in corner))
            digest.update(np.ascontiguousarray(block).tobytes())
        return {
            "name": self.name,
            "source": self.source,
            "shape": list(self.shape),
            "dtype": str(self.data.dtype),
            "scale": list(self.voxel_size[-len(self.shape) :]),
            "fingerprint": digest.hexdigest(),
        }


def chunks_of(array: Lazy) -> Iterator[Region]:
    """Boxes of what is read in one piece, in the order of the voxels."""
    corners = (range(0, n, c) for n, c in zip(array.shape, array.chunks, strict=True))
    for corner in itertools.product(*corners):
        ends = zip(corner, array.chunks, array.shape, strict=True)
        yield tuple(slice(at, min(at + c, n)) for at, c, n in ends)


def hash_volume(volume: Volume) -> str:
    """SHA-256 over the finest level, chunk by chunk, so that each is decoded once."""
    digest = hashlib.sha256()
    for region in chunks_of(volume.data):
        digest.update(np.ascontiguousarray(volume.read(region)).data)
    return digest.hexdigest()
