"""A volume is a description and a lazy array; opening one reads no voxels."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
from dask.base import compute

from napari_midl.errors import InputError
from napari_midl.volumes.reading import decoding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SPATIAL = ("Z", "Y", "X")
AXES = ("T", "C", *SPATIAL)
Region = tuple[slice, ...]
_SYMBOLS = {"micrometer": "µm", "nanometer": "nm", "millimeter": "mm", "meter": "m"}


def _times(numbers: Sequence[float]) -> str:
    return " x ".join(f"{number:g}" for number in numbers)


def symbol(unit: str | None) -> str:
    """Short sign of a unit, such as ``µm``."""
    return _SYMBOLS.get(unit or "", unit or "voxel")


@dataclass(frozen=True)
class Volume:
    """An image of any size with named axes, physical scale and a pyramid.

    Parameters
    ----------
    levels : tuple of dask.array.Array
        The same image at falling resolution, finest first, all with `axes`.
    axes : tuple of str
        Names of the array's axes, a subset of ``T C Z Y X`` in that order.
    scale : tuple of float
        Physical size of one step of level 0 along each axis, in `units`;
        1.0 where it is not known.
    units : tuple of (str or None)
        Unit of each axis, such as ``"micrometer"``; None where not known.
    name : str
        What to call the volume in a layer list or a table.
    source : str, optional
        The path or address it was opened from.
    channels : tuple of str
        Names of the channels, empty if they have none.
    """

    levels: tuple[da.Array, ...]
    axes: tuple[str, ...]
    scale: tuple[float, ...]
    units: tuple[str | None, ...]
    name: str
    source: str | None = None
    channels: tuple[str, ...] = ()

    @classmethod
    def from_array(
        cls,
        array: Any,
        axes: Sequence[str] | None = None,
        scale: Sequence[float] | None = None,
        units: Sequence[str | None] | None = None,
        name: str = "array",
        source: str | None = None,
    ) -> Volume:
        """Wrap a numpy, zarr or dask array, by default with its last axes ``Z Y X``.

        Raises
        ------
        InputError
            If the array and the description of its axes do not fit.
        """
        data = array if isinstance(array, da.Array) else da.asarray(array)
        named = tuple(axes) if axes is not None else AXES[len(AXES) - data.ndim :]
        if len(named) != data.ndim:
            raise InputError(
                f"{name} has {data.ndim} axes but {len(named)} names ({' '.join(named)}); "
                "name each axis once."
            )
        sizes, known = known_sizes(
            scale if scale is not None else (1.0,) * data.ndim,
            units if units is not None else (None,) * data.ndim,
        )
        return cls(
            levels=(data,),
            axes=named,
            scale=sizes,
            units=known,
            name=name,
            source=source,
        )

    @property
    def data(self) -> da.Array:
        """The finest level."""
        return self.levels[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the finest level."""
        return tuple(int(n) for n in self.data.shape)

    def read(self, region: Region) -> NDArray[Any]:
        """Voxels of a region of the finest level.

        In this thread: a worker of a cluster would hand it to the cluster and wait for a thread.

        Raises
        ------
        InputError
            If they cannot be read.
        """
        return self.read_all([region])[0]

    def read_all(self, regions: Sequence[Region]) -> list[NDArray[Any]]:
        """Voxels of several regions; as costly to find as those of one."""
        with decoding(self.source or self.name):
            blocks = compute(*(self.data[r] for r in regions), scheduler="synchronous")
            return [np.asarray(block) for block in blocks]

    @property
    def voxel_size(self) -> tuple[float, float, float]:
        """Physical size ``(z, y, x)`` of a voxel of the finest level, all three in `unit`.

        Raises
        ------
        InputError
            If the units of the axes cannot be converted into each other.
        """
        sizes = dict(zip(self.axes, self.scale, strict=True))
        units = dict(zip(self.axes, self.units, strict=True))
        z, y, x = (self._in_unit(sizes.get(a, 1.0), units.get(a)) for a in SPATIAL)
        return (z, y, x)

    @property
    def unit(self) -> str | None:
        """Unit of the X axis, and of `voxel_size`."""
        return dict(zip(self.axes, self.units, strict=True)).get("X")

    @property
    def millimetres(self) -> tuple[float, float, float]:
        """Physical size ``(z, y, x)`` of a voxel in mm; one without a unit is taken for mm."""
        return self.voxel_size_in("millimeter")

    @property
    def size_in_words(self) -> str:
        """Shape and voxel size, the latter where it is known."""
        axes = slice(1, None) if self.shape[0] == 1 else slice(None)
        what = "pixels" if self.shape[0] == 1 else "voxels (z y x)"
        sizes, steps = list(self.shape)[axes], list(self.voxel_size)[axes]
        words = f"{_times(sizes)} {what}"
        if self.unit is not None or set(steps) != {1.0}:
            each = _times(steps[:1] if len(set(steps)) == 1 else steps)
            words += f" of {each} {symbol(self.unit) if self.unit else '(no unit)'}"
        return f"{words}."

    def voxel_size_in(self, unit: str) -> tuple[float, float, float]:
        """`voxel_size` in another unit; as it is where the volume has none.

        Raises
        ------
        InputError
            If the units cannot be converted into each other.
        """
        z, y, x = self.voxel_size
        factor = self._converted(1.0, self.unit, unit)
        return z * factor, y * factor, x * factor

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
                    f"{self.name} has {count} {word}(s), so there is no {word} {index}; "
                    f"choose one from 0 to {count - 1}."
                )
        if not {"Y", "X"} <= set(self.axes):
            raise InputError(f"{self.name} has axes {' '.join(self.axes)}; an image needs Y and X.")
        take = tuple({"C": channel, "T": time}.get(axis, slice(None)) for axis in self.axes)
        levels = tuple(level[take] for level in self.levels)
        if "Z" not in self.axes:
            levels = tuple(level[None] for level in levels)
        sizes = dict(zip(self.axes, self.scale, strict=True))
        units = dict(zip(self.axes, self.units, strict=True))
        return replace(
            self,
            levels=levels,
            axes=SPATIAL,
            scale=tuple(sizes.get(axis, 1.0) for axis in SPATIAL),
            units=tuple(units.get(axis) for axis in SPATIAL),
            channels=self.channels[channel : channel + 1],
        )

    def _in_unit(self, size: float, unit: str | None) -> float:
        """A length in the unit of X; as it is where one of the units is not known."""
        return self._converted(size, unit, self.unit)

    def _converted(self, size: float, unit: str | None, wanted: str | None) -> float:
        if unit == wanted or unit is None or wanted is None:
            return size
        import pint  # late, since few images mix units

        try:
            return float(pint.get_application_registry().Quantity(size, unit).m_as(wanted))
        except pint.PintError as error:
            raise InputError(
                f"{self.name} has axes in {unit} and in {wanted} ({error}); give all of them "
                "in units of length."
            ) from error

    def identity(self, samples: int = 8) -> dict[str, Any]:
        """What a run record needs to tell this volume from another.

        The fingerprint hashes `samples` small blocks spread along the diagonal, so
        that it is cheap at any size; it proves that two volumes differ, not that
        they are equal.
        """
        digest = hashlib.sha256(repr((self.shape, str(self.data.dtype))).encode())
        corners = [
            [int(fraction * max(n - 16, 0)) for n in self.shape]
            for fraction in np.linspace(0, 1, samples)
        ]
        for block in self.read_all([tuple(slice(c, c + 16) for c in at) for at in corners]):
            digest.update(np.ascontiguousarray(block).tobytes())
        return {
            "name": self.name,
            "source": self.source,
            "shape": list(self.shape),
            "dtype": str(self.data.dtype),
            "scale": list(self.scale),
            "fingerprint": digest.hexdigest(),
        }


def known_sizes(
    scale: Sequence[float], units: Sequence[str | None]
) -> tuple[tuple[float, ...], tuple[str | None, ...]]:
    """Sizes and units of axes, where a size that cannot be is not known: 1.0 without a unit.

    Programs write 0, a negative number or NaN where they do not know.
    """
    sizes = [float(size) for size in scale]
    known = [math.isfinite(size) and size > 0 for size in sizes]
    return (
        tuple(size if is_known else 1.0 for size, is_known in zip(sizes, known, strict=True)),
        tuple(unit if is_known else None for unit, is_known in zip(units, known, strict=True)),
    )


def hash_volume(volume: Volume) -> str:
    """SHA-256 over the finest level, chunk by chunk, so that each is decoded once."""
    data, digest = volume.data, hashlib.sha256()
    for index in np.ndindex(*data.numblocks):
        with decoding(volume.source or volume.name):
            block = data.blocks[index].compute(scheduler="synchronous")
        digest.update(np.ascontiguousarray(block).data)
    return digest.hexdigest()
