"""Coordinate transformations of OME-Zarr as matrices, and the space that a matrix makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes.space import AXES, STRAIGHT, Space
from napari_midl.volumes.units import factor, length_unit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_DEEPEST = 9  # of sequences in sequences


def matrix_of(
    source: Path, steps: Sequence[dict[str, Any]], count: int, depth: int = 0
) -> NDArray[np.float64]:
    """Transformations one after the other, as a matrix of homogeneous coordinates.

    Parameters
    ----------
    source : Path
        What to call the image.
    steps : sequence of dict
        Each with a ``type``: ``identity``, ``scale``, ``translation``, ``rotation``, ``affine``,
        ``mapAxis`` or ``sequence``.
    count : int
        How many axes there are.
    depth : int
        Of sequences around these.

    Raises
    ------
    InputError
        If one is of another type, or has other numbers than there are axes.
    """
    matrix = np.eye(count + 1)
    for step in steps:
        kind = step.get("type")
        if (
            kind == "sequence"
            and depth < _DEEPEST
            and isinstance(step.get("transformations"), list)
        ):
            inner = [part for part in step["transformations"] if isinstance(part, dict)]
            matrix = matrix_of(source, inner, count, depth + 1) @ matrix
            continue
        if kind not in ("identity", "scale", "translation", "rotation", "affine", "mapAxis"):
            raise InputError(
                f"{source} places its voxels by a transformation ({kind}) that is more than a "
                "scale, a translation or a rotation; resample it, and export it with these."
            )
        if kind != "identity" and "path" in step:
            raise InputError(
                f"{source} keeps the numbers of a transformation ({kind}) in an array of its own; "
                "export it with the numbers beside it."
            )
        made = _matrix(kind, step.get(kind), count)
        if made is None:
            raise InputError(
                f"{source} has a transformation ({kind}) that does not give numbers for its "
                f"{count} axes; export it again."
            )
        matrix = made @ matrix
    return matrix


def _matrix(kind: str, values: Any, count: int) -> NDArray[np.float64] | None:
    """One transformation; None if its values are none."""
    matrix = np.eye(count + 1)
    if kind == "identity":
        return matrix
    try:
        numbers = np.asarray(values, float)
    except (TypeError, ValueError, OverflowError):
        return None
    shapes = {"rotation": (count, count), "affine": (count, count + 1)}
    if numbers.shape != shapes.get(kind, (count,)):
        return None
    if kind == "scale":
        # A size that no voxel can have is zero here, which is not known either.
        fine = np.isfinite(numbers) & (numbers > 0)
        matrix[range(count), range(count)] = np.where(fine, numbers, 0)
    elif not np.isfinite(numbers).all():
        return None
    elif kind == "translation":
        matrix[:count, count] = numbers
    elif kind == "mapAxis":
        if sorted(numbers) != list(range(count)):
            return None
        matrix[:count, :count] = np.eye(count)[numbers.astype(int)]
    else:
        matrix[:count, : shapes[kind][1]] = numbers
    return matrix


def space_of_matrix(
    source: Path, axes: Sequence[str], units: Sequence[Any], matrix: NDArray[np.float64]
) -> Space:
    """Where the voxels lie that a matrix places.

    Parameters
    ----------
    source : Path
        What to call the image.
    axes : sequence of str
        Of the voxels and of the world.
    units : sequence
        Of each axis of the world; what is no length is not known.
    matrix : ndarray, shape (N + 1, N + 1)
        From voxels to the world, along `axes`.

    Returns
    -------
    Space
        Without a place where a size is not known.

    Raises
    ------
    InputError
        If the image is sheared, or the matrix mixes its place with time or channels.
    """
    at = {axis: index for index, axis in enumerate(axes) if axis in AXES}
    others = [index for index in range(len(axes)) if index not in at.values()]
    inside = list(at.values())
    with np.errstate(all="ignore"):
        mixed = matrix[np.ix_(inside, others)].any() or matrix[np.ix_(others, inside)].any()
        if mixed:
            raise InputError(
                f"{source} places its voxels by their channel or time too; export each on its own."
            )
        known = {
            axis: length_unit(units[i] if isinstance(units[i], str) else None)
            for axis, i in at.items()
        }
        unit = known.get("X") or known.get("Y") or known.get("Z")
        linear, offset = np.eye(3), np.zeros(3)
        for row, axis in enumerate(AXES):
            own = known.get(axis)
            ratio = factor(own, unit) if own is not None and unit is not None else 1.0
            if axis in at:
                offset[row] = matrix[at[axis], -1] * ratio
            for column, other in enumerate(AXES):
                if axis in at and other in at:
                    linear[row, column] = matrix[at[axis], at[other]] * ratio
        # Of a column with one number it is its size to the last bit.
        sizes = [
            float(np.abs(c).max() if np.count_nonzero(c) == 1 else np.linalg.norm(c))
            for c in linear.T
        ]
        columns = linear / sizes
    fine = np.isfinite(columns).all() and all(np.isfinite(sizes))
    if fine and not np.allclose(columns.T @ columns, np.eye(3), atol=1e-3):
        raise InputError(
            f"{source} is sheared by its transformations; resample it on straight axes before you "
            "open it."
        )
    turned = columns[::-1, ::-1]
    space = Space.of(
        [size if axis in at else None for axis, size in zip(AXES, sizes, strict=True)],
        [unit if known.get(axis) is not None else None for axis in AXES],
        offset[::-1].tolist(),
        turned if fine and not np.allclose(turned, STRAIGHT, atol=1e-9) else STRAIGHT,
    )
    placed = all(space.scale[AXES.index(axis)] is not None for axis in at)
    return space if placed and fine else space.without_place()
