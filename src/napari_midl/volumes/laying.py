"""Laying one image on the voxels of another, where both lie in the same place of the world."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes.space import Space, sizes_in_words
from napari_midl.volumes.units import symbol

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.volumes.lazy import Lazy
    from napari_midl.volumes.volume import Volume

# Programs round sizes and origins differently, by far less than this share of a voxel.
TOLERANCE = 0.25


def laid_on(moving: Volume, image: Volume) -> Volume:
    """An image in the voxels of another, one for one.

    Parameters
    ----------
    moving, image : Volume
        Axes ``Z Y X``. Where both say in which place of the world they lie, that is what counts:
        axes of `moving` in another order or direction are turned. Otherwise their voxels are
        taken to be the same where they are as many and as large.

    Returns
    -------
    Volume
        The voxels of `moving`, with the shape and the space of `image`.

    Raises
    ------
    InputError
        If they lie elsewhere, are of another size, or are more or fewer.
    """
    voxels, corner = part_on(moving, image)
    if any(corner) or voxels.shape != image.shape:
        covers = " ".join(
            f"{axis} {c} to {c + n - 1}"
            for axis, c, n in zip("zyx", corner, voxels.shape, strict=True)
        )
        raise InputError(
            f"{_called(moving)} covers other voxels than {image.name} of shape {image.shape} "
            f"({covers} of its own, counted from 0); give one that covers the same."
        )
    return replace(moving, levels=(voxels,), space=image.space)


def part_on(moving: Volume, image: Volume) -> tuple[Lazy, tuple[int, int, int]]:
    """An image that may cover a part of another, in that one's voxels.

    Parameters
    ----------
    moving, image : Volume
        As for `laid_on`.

    Returns
    -------
    voxels : Lazy
        `moving` with its axes in the order and direction of those of `image`.
    corner : tuple of int
        Voxel ``(z, y, x)`` of `image` on which its first one lies; it may be outside.

    Raises
    ------
    InputError
        If they lie elsewhere, are of another size, or nothing says where a part belongs.
    """
    try:
        return _part_on(moving, image)
    except InputError:
        if image.said is not None:
            # What was made of the image before its size was typed has the one of its file.
            with suppress(InputError):
                return _part_on(moving, replace(image, space=image.said))
        raise


def _part_on(moving: Volume, image: Volume) -> tuple[Lazy, tuple[int, int, int]]:
    if _placed(moving.space) and _placed(image.space) and _comparable(moving.space, image.space):
        return _by_place(moving, image)
    if moving.shape != image.shape:
        flat = moving.shape[0] == image.shape[0] == 1
        much, wanted = (" x ".join(map(str, v.shape[flat:])) for v in (moving, image))
        raise InputError(
            f"{_called(moving)} is {much} {'pixels' if flat else 'voxels (z y x)'} large but "
            f"{image.name} is {wanted}; give one of the same size."
        )
    if moving.space.known and image.space.known and image.unit is not None:
        sizes = zip(moving.space.sizes_in(image.unit), image.voxel_size, image.shape, strict=True)
        # Along an axis of one voxel nothing can be seen of its size.
        apart = [abs(a / b - 1) * n for a, b, n in sizes if n > 1]
        if max(apart, default=0.0) > TOLERANCE:
            raise _other_size(moving, image)
    return moving.data, (0, 0, 0)


def _by_place(moving: Volume, image: Volume) -> tuple[Lazy, tuple[int, int, int]]:
    # Where one of them names no unit, both are taken to count in the same.
    unit = image.space.known_unit if moving.space.known else None
    way = np.linalg.inv(image.space.matrix(unit)) @ moving.space.matrix(unit)
    # From voxels of `moving` to those of `image`, both as (z, y, x).
    linear, shift = way[:3, :3], way[:3, 3]
    signs = np.rint(linear)
    shape = np.asarray(moving.shape)
    ends = np.where(shape > 1, shape - 1, 0)
    turned = np.abs(signs).sum(0).tolist() == np.abs(signs).sum(1).tolist() == [1, 1, 1]
    if not turned or (np.abs(linear - signs) @ ends > TOLERANCE).any():
        lengths = np.linalg.norm(linear, axis=0)
        alike = not np.any(np.abs(lengths - 1) * shape > TOLERANCE)
        raise _turned(moving, image) if alike else _other_size(moving, image)
    corner = shift + np.minimum(signs, 0) @ ends
    whole = np.rint(corner)
    if np.abs(corner - whole).max() > TOLERANCE:
        raise _elsewhere(moving, image, corner)
    axes = [int(np.flatnonzero(row)[0]) for row in signs]
    backwards = [signs[:, axis].min() < 0 for axis in range(3)]
    way_round = tuple(slice(None, None, -1) if back else slice(None) for back in backwards)
    voxels: Lazy = moving.data[way_round].transpose(axes)
    if np.any(whole + voxels.shape <= 0) or np.any(whole >= image.shape):
        raise _elsewhere(moving, image, corner)
    z, y, x = (int(c) for c in whole)
    return voxels, (z, y, x)


def _placed(space: Space) -> bool:
    return space.origin is not None


def _comparable(one: Space, other: Space) -> bool:
    """Whether lengths in both can be compared."""
    return None not in one.scale and None not in other.scale


def _called(volume: Volume) -> str:
    return volume.source or volume.name


def _other_size(moving: Volume, image: Volume) -> InputError:
    flat = moving.shape[0] == image.shape[0] == 1
    own, wanted = (sizes_in_words(v.voxel_size[flat:], v.unit) for v in (moving, image))
    return InputError(
        f"{_called(moving)} has {'pixels' if flat else 'voxels'} of {own} but {image.name} of "
        f"{wanted}; resample it on those of the image, or correct the size that is wrong."
    )


def _turned(moving: Volume, image: Volume) -> InputError:
    return InputError(
        f"{_called(moving)} is turned against {image.name} by an angle; resample it on the voxels "
        "of the image."
    )


def _elsewhere(moving: Volume, image: Volume, corner: NDArray[np.float64]) -> InputError:
    unit = image.space.known_unit if moving.space.known else None
    own, other = (_place(v.space.to_world((0, 0, 0), unit)) for v in (moving, image))
    apart = " ".join(f"{c:.4g}" for c in corner)
    word = symbol(unit) if unit else "(no unit)"
    return InputError(
        f"{_called(moving)} lies elsewhere than {image.name}: its first voxel at {own} and not at "
        f"{other} {word} (x y z), which is voxel {apart} (z y x) of the image; give one that was "
        "made on this image, or correct its place."
    )


def _place(point: NDArray[np.float64]) -> str:
    return " ".join(f"{c:.5g}" for c in point)
