"""Where the levels of an OME-Zarr lie in the world: from its metadata and into it.

OME-Zarr 0.4 and 0.5 know the scale and the translation of a level, but no direction. That of an
image which is turned against the world stands beside them, under ``napari-midl``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_midl.volumes.space import AXES, Space

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ABOUT = "napari-midl"  # key of what we ourselves say of an image
_SPACE = "space"


def transformations(
    axes: Sequence[str], space: Space, factors: Sequence[float]
) -> list[dict[str, Any]]:
    """The ``coordinateTransformations`` of a level.

    Parameters
    ----------
    axes : sequence of str
        A subset of ``T C Z Y X``.
    space : Space
        Of the finest level.
    factors : sequence of float
        How many voxels of the finest level one of this level merges along each of `axes`.

    Returns
    -------
    list of dict
        The scale, and the translation to the middle of the first voxel where it is known or
        differs from that of the finest level.
    """
    merged = dict(zip(axes, factors, strict=True))
    level = space.coarser([merged.get(axis, 1) for axis in AXES])
    scale = dict(zip(AXES, level.voxel_size, strict=True))
    made: list[dict[str, Any]] = [
        {"type": "scale", "scale": [scale.get(axis, 1.0) for axis in axes]}
    ]
    if level.origin is not None:
        origin = dict(zip(reversed(AXES), level.origin, strict=True))
        made.append({"type": "translation", "translation": [origin.get(a, 0.0) for a in axes]})
    return made


def said(space: Space) -> dict[str, Any]:
    """What to say of a space under `ABOUT` beside its transformations."""
    return {} if space.is_straight else {_SPACE: space.to_dict()}


def space_of(attributes: Mapping[str, Any]) -> Space:
    """The space of the finest level of an image.

    Parameters
    ----------
    attributes : mapping
        Of the image's group.

    Raises
    ------
    KeyError, TypeError, ValueError
        If they are not those of an image.
    """
    multiscale = attributes.get("ome", attributes)["multiscales"][0]
    axes = [axis["name"].upper() for axis in named_axes(multiscale)]
    units = {axis["name"].upper(): axis.get("unit") for axis in named_axes(multiscale)}
    scale, place = dict.fromkeys(axes, 1.0), dict.fromkeys(axes, 0.0)
    listed = [
        *multiscale["datasets"][0].get("coordinateTransformations", []),
        *multiscale.get("coordinateTransformations", []),
    ]
    for transform in listed:
        kind = transform["type"]
        values = dict(zip(axes, transform.get(kind, ()), strict=kind in ("scale", "translation")))
        for axis, value in values.items():
            if kind == "scale":
                scale[axis] *= float(value)
                place[axis] *= float(value)
            elif kind == "translation":
                place[axis] += float(value)
    # By the format a level that has a scale begins at zero where nothing else is said.
    origin = [place.get(axis, 0.0) for axis in reversed(AXES)] if listed else None
    space = Space.of([scale.get(axis) for axis in AXES], [units.get(axis) for axis in AXES], origin)
    try:
        turned = Space.from_dict(attributes.get(ABOUT, {})[_SPACE])
    except (KeyError, TypeError, ValueError):
        return space
    # Whoever moves or scales the image with another program knows only the transformations.
    same = (turned.scale, turned.unit, turned.origin) == (space.scale, space.unit, space.origin)
    return turned if same else space


def named_axes(multiscale: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The axes of an image; up to format 0.3 they have only names."""
    return [a if isinstance(a, dict) else {"name": str(a)} for a in multiscale["axes"]]
