"""Where the voxels of an image lie in the world.

The world is that of 3D Slicer and DICOM: x points to the left, y to the back and z to the head of
a patient (LPS). Images that know no patient, such as those of microscopes, have the same axes
without that meaning. A file that does not say how large its voxels are, or where they lie, leaves
that unknown.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes.units import factor, length_unit, symbol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

AXES = ("Z", "Y", "X")
Three = tuple[float, float, float]
STRAIGHT = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
# No microscope and no scanner has voxels beyond these, in metres.
_SMALLEST, _LARGEST = 1e-13, 1e3


@dataclass(frozen=True)
class Space:
    """Size, place and direction of the voxels of an image with axes ``Z Y X``.

    Parameters
    ----------
    scale : tuple of (float or None)
        Size ``(z, y, x)`` of a voxel in `unit`; None along an axis for which it is not known.
    unit : str or None
        A unit of length, such as ``micrometer``; None where it is not known, so that `scale` only
        compares the axes.
    origin : tuple of float, optional
        Middle ``(x, y, z)`` of the first voxel in the world, in `unit`; None where not known.
    direction : tuple of three rows
        In its columns the directions of the axes X, Y and Z of the image, as unit vectors
        ``(x, y, z)`` of the world.
    anatomical : bool
        Whether the world is that of a patient, as a NIfTI file says it.
    """

    scale: tuple[float | None, float | None, float | None] = (None, None, None)
    unit: str | None = None
    origin: Three | None = None
    direction: tuple[Three, Three, Three] = STRAIGHT
    anatomical: bool = False

    @classmethod
    def of(
        cls,
        scale: Sequence[float | None],
        units: Sequence[str | None] | str | None = None,
        origin: Sequence[float] | None = None,
        direction: ArrayLike = STRAIGHT,
        anatomical: bool = False,
    ) -> Self:
        """A space from what a file says; what cannot be is not known.

        Parameters
        ----------
        scale : sequence of (float or None)
            Size ``(z, y, x)``; one that is zero, negative or not finite is not known.
        units : (sequence of) str or None
            Unit of each axis ``(z, y, x)``, or of all, in any spelling; one that is no length is
            not known. Axes in several units are converted to that of x.
        origin : sequence of float, optional
            ``(x, y, z)`` in the unit of x.
        direction : array_like, shape (3, 3)
            As in the class.
        anatomical : bool
            As in the class.
        """
        named = [units] * 3 if isinstance(units, str) or units is None else list(units)
        known = [length_unit(name) for name in named]
        unit = known[2] or known[1] or known[0]
        sizes: list[float | None] = []
        for size, own in zip(scale, known, strict=True):
            fine = size is not None and math.isfinite(size) and size > 0
            if not fine or (own is None) != (unit is None):
                sizes.append(None)
                continue
            assert size is not None
            if unit is not None and own is not None:
                metres = size * factor(own, "meter")
                size = size * factor(own, unit) if own != unit else size
                fine = _SMALLEST <= metres <= _LARGEST
            sizes.append(float(size) if fine else None)
        z, y, x = sizes
        place = None
        if origin is not None and np.isfinite(np.asarray(origin, float)).all():
            place = _three(origin)
        rows = np.asarray(direction, float)
        first, second, third = (_three(row) for row in rows)
        return cls((z, y, x), unit, place, (first, second, third), anatomical)

    @property
    def known(self) -> bool:
        """Whether lengths can be told: all sizes and their unit are known."""
        return self.unit is not None and None not in self.scale

    @property
    def voxel_size(self) -> Three:
        """Size ``(z, y, x)`` in `unit`; ones where that of an axis is not known."""
        z, y, x = self.scale
        return (1.0, 1.0, 1.0) if z is None or y is None or x is None else (z, y, x)

    @property
    def known_unit(self) -> str | None:
        """Unit of `voxel_size`; None for voxels."""
        return self.unit if self.known else None

    @property
    def is_straight(self) -> bool:
        """Whether the axes of the image are those of the world."""
        return bool(np.allclose(self.direction, STRAIGHT, atol=1e-6))

    def sizes_in(self, unit: str) -> Three:
        """`voxel_size` in another unit of length.

        Raises
        ------
        InputError
            If it is not known.
        """
        if not self.known or self.unit is None:
            raise InputError(f"the voxel size is not known: {self.unknown}")
        z, y, x = (size * factor(self.unit, unit) for size in self.voxel_size)
        return z, y, x

    @property
    def unknown(self) -> str:
        """What is not known of the size, in words; empty where all is."""
        axes = [axis.lower() for axis, size in zip(AXES, self.scale, strict=True) if size is None]
        if len(axes) == 3 or (not axes and self.unit is None):
            # Ones without a unit are what many programs write where they know no size.
            missing = "it" if axes or set(self.scale) == {1.0} else "its unit"
            return f"the image does not say {missing}"
        return f"the image does not say it along {' and '.join(axes)}" if axes else ""

    def matrix(self, unit: str | None = None) -> NDArray[np.float64]:
        """From voxels ``(z, y, x, 1)`` to the world ``(x, y, z, 1)``, shape (4, 4).

        Parameters
        ----------
        unit : str, optional
            Unit of the world; by default that of the space.

        Raises
        ------
        InputError
            If the size is not known, and a unit is asked for.
        """
        size = self.voxel_size if unit is None else self.sizes_in(unit)
        scale = 1.0 if unit is None or self.unit is None else factor(self.unit, unit)
        matrix = np.eye(4)
        matrix[:3, :3] = (np.asarray(self.direction) * np.asarray(size)[::-1])[:, ::-1]
        matrix[:3, 3] = np.asarray(self.origin or (0.0, 0.0, 0.0)) * scale
        return matrix

    def to_world(self, voxels: ArrayLike, unit: str | None = None) -> NDArray[np.float64]:
        """Points ``(..., 3)`` of voxels ``(z, y, x)`` as ``(x, y, z)`` of the world.

        Parameters
        ----------
        voxels : array_like
            Whole numbers are the middles of voxels.
        unit : str, optional
            Unit of the result; by default that of the space.

        Raises
        ------
        InputError
            If the size is not known, and a unit is asked for.
        """
        matrix = self.matrix(unit)
        return np.asarray(np.asarray(voxels, float) @ matrix[:3, :3].T + matrix[:3, 3])

    def to_voxel(self, points: ArrayLike, unit: str | None = None) -> NDArray[np.float64]:
        """Points ``(..., 3)`` of the world ``(x, y, z)`` as voxels ``(z, y, x)``; see `to_world`.

        Raises
        ------
        InputError
            If the size is not known, and a unit is asked for.
        """
        matrix = self.matrix(unit)
        shifted = np.asarray(points, float) - matrix[:3, 3]
        return np.asarray(shifted @ np.linalg.inv(matrix[:3, :3]).T)

    def without_place(self) -> Space:
        """The same voxels counted from the first, along their own axes."""
        return replace(self, origin=None, direction=STRAIGHT)

    def fitted(self, axes: Sequence[str], shape: Sequence[int]) -> Space:
        """The space of an image with these axes and this shape.

        Nothing depends on how deep a lone plane is: it is as deep as it is wide where that is not
        known, so that its lengths are known.
        """
        _, y, x = self.scale
        lone = dict(zip(axes, shape, strict=True)).get("Z", 1) == 1
        return replace(self, scale=(x, y, x)) if lone and self.scale[0] is None else self

    def cut(self, corner: Sequence[float]) -> Space:
        """The space of a part whose first voxel is at `corner` ``(z, y, x)``."""
        if self.origin is None and not any(corner):
            return self
        return replace(self, origin=_three(self.to_world(corner)))

    def coarser(self, factors: Sequence[float]) -> Space:
        """The space of a level in which a voxel merges `factors` ``(z, y, x)`` of these."""
        middle = [(f - 1) / 2 for f in factors]
        scale = [None if s is None else s * f for s, f in zip(self.scale, factors, strict=True)]
        z, y, x = scale
        return replace(self.cut(middle), scale=(z, y, x))

    def resized(self, other: Space) -> Space:
        """The same place with voxels of the size of another space."""
        origin = self.origin
        if origin is not None and self.unit is not None and other.unit is not None:
            ratio = factor(self.unit, other.unit)
            origin = _three(at * ratio for at in origin)
        return replace(self, scale=other.scale, unit=other.unit, origin=origin)

    @property
    def as_typed(self) -> str:
        """Its size as `typed_space` takes it, to the last digit; empty where it is not known."""
        z, y, x = self.voxel_size
        return f"{z!r},{y!r},{x!r} {self.unit}" if self.known else ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "scale": list(self.scale),
            "unit": self.unit,
            "origin": None if self.origin is None else list(self.origin),
            "direction": [list(row) for row in self.direction],
            "anatomical": self.anatomical,
        }

    @classmethod
    def from_dict(cls, kept: Any) -> Self:
        """From what `to_dict` gave.

        Raises
        ------
        ValueError
            If it is something else.
        """
        try:
            space = cls.of(kept["scale"], kept["unit"], kept["origin"], kept["direction"])
            return replace(space, anatomical=bool(kept.get("anatomical", False)))
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise ValueError("no space") from error


def typed_space(text: str) -> Space:
    """Voxels of a size as people type it, in no place.

    Parameters
    ----------
    text : str
        One number for all axes, two for y and x of a plane or three for z, y and x, and a unit of
        length: ``0.5 um``, ``2 x 0.5 x 0.5 µm`` or ``2,0.5,0.5mm``.

    Raises
    ------
    InputError
        If it is not so.
    """
    number = text.strip().rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZµμÅå\"'")
    unit = length_unit(text.strip()[len(number) :])
    words = number.replace("×", " ").replace("x", " ").replace(",", " ").replace(";", " ").split()
    try:
        sizes: list[float | None] = [float(word) for word in words]
    except ValueError:
        sizes = []
    given = len(sizes)
    # 2,5 may be two and a half.
    if given == 2 and re.fullmatch(r"\s*\d+,\d+\s*", number):
        given = 0
    along = {1: sizes * 3, 2: [None, *sizes], 3: sizes}.get(given, [None] * 3)
    space = Space.of(along, unit)
    if unit is None or None in space.scale[given == 2 :]:
        raise InputError(
            f"{text!r} is no voxel size; write the sizes along z, y and x and their unit, such as "
            "2,0.5,0.5 um, or one size for all three."
        )
    return space


def sizes_in_words(scale: Sequence[float], unit: str | None) -> str:
    """Sizes ``(z, y, x)`` in words, such as ``2 x 0.5 x 0.5 µm``; one number where all agree."""
    shown = scale[:1] if len(set(scale)) == 1 else scale
    numbers = " x ".join(f"{size:.4g}" for size in shown)
    return f"{numbers} {symbol(unit) if unit else '(no unit)'}"


def _three(values: Any) -> Three:
    x, y, z = (float(v) for v in values)
    return x, y, z
