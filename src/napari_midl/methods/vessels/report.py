"""The numbers of a vessel network that a paper reports, of the whole image and of its regions."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.spatial import SphericalVoronoi

from napari_midl.volumes.units import factor, length_unit, symbol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

WHOLE = "all"
_MOST_STRETCHED = 1000  # voxels whose neighbours lie in fewer directions than the formula needs
# What each column is in, by the image's unit and the one of volumes.
_IN = {
    "volume": "{large}³",
    "vessel_volume": "{large}³",
    "length": "{unit}",
    "length_density": "{large}/{large}³",
    "branch_point_density": "1/{large}³",
    "mean_radius": "{unit}",
    "median_radius": "{unit}",
    "surface_area": "{large}²",
    "surface_density": "{large}²/{large}³",
}


def summarise(
    inside: NDArray[np.bool_],
    voxel_size: Sequence[float],
    unit: str,
    paths: Sequence[NDArray[np.float64]],
    branch_points: NDArray[np.float64],
    regions: NDArray[Any] | None = None,
    known: NDArray[np.bool_] | None = None,
) -> pd.DataFrame:
    """Volume, length, branching, radii, tortuosity and surface of vessels, a row a region.

    Parameters
    ----------
    inside : ndarray of bool, shape (Z, Y, X)
        The vessels.
    voxel_size : sequence of float
        ``(z, y, x)`` in `unit`.
    unit : str
        A unit of length, or ``voxel``.
    paths : sequence of ndarray, shape (N, 4)
        The centre line of each segment: points ``z, y, x, radius`` in `unit`.
    branch_points : ndarray, shape (N, 3)
        Where segments meet, ``(z, y, x)`` in `unit`.
    regions : ndarray of int, shape (Z, Y, X), optional
        Number of the region that each voxel belongs to, 0 none.
    known : ndarray of bool, shape (Z, Y, X), optional
        Voxels that were looked at; by default all.

    Returns
    -------
    pandas.DataFrame
        First the row ``all``, of all voxels looked at, then one for each region. ``length``,
        ``mean_radius`` and ``median_radius`` are in `unit`; volumes, areas and densities in
        millimetres, or in voxels where `unit` is that.

        - ``volume``: of the voxels looked at; ``vessel_volume``: of those inside vessels;
          ``volume_fraction``: their ratio.
        - ``segments``: centre lines between branch points and ends; in the region where their
          middle lies.
        - ``length``: of all centre lines; ``length_density``: per volume.
        - ``branch_points``: places where three or more segments meet; ``branch_point_density``:
          per volume.
        - ``mean_radius``, ``median_radius``: over the length of the centre lines, so that a long
          vessel counts more than a short one. The radius is the distance from the centre line to
          the nearest voxel outside.
        - ``tortuosity``: length over distance between the ends, the mean over segments; loops,
          whose ends are one, are left out.
        - ``surface_area``: of the surface between vessel and background, from how often lines in
          13 directions cross it (Crofton's formula), without the cuts at the image's border;
          ``surface_density``: per volume.
    """
    size = np.asarray(voxel_size, float)
    large = factor(unit, "millimeter") if length_unit(unit) else 1.0
    surface_is_known = min(inside.shape) > 1 and size.max() < _MOST_STRETCHED * size.min()
    pieces = _Pieces(paths, size)
    areas = _surface(inside, size, regions, known) if surface_is_known else {}
    junctions = _at(regions, branch_points / size)
    segments = _at(regions, pieces.middles)
    along = _at(regions, pieces.at)
    voxels = _count(regions, known, inside.shape)
    vessels = _count(regions, inside if known is None else inside & known, inside.shape)
    rows = []
    for region in (None, *sorted(value for value in voxels if value)):

        def here(numbers: NDArray[Any], region: int | None = region) -> NDArray[np.bool_]:
            return np.ones(len(numbers), bool) if region is None else numbers == region

        lengths, radii = pieces.length[here(along)], pieces.radius[here(along)]
        ratios = pieces.tortuosity[here(segments)]
        volume = voxels[region] * float(np.prod(size)) * large**3
        vessel = vessels.get(region, 0) * float(np.prod(size)) * large**3
        length, points = float(lengths.sum()), int(here(junctions).sum())
        area = areas.get(region, 0.0 if areas else np.nan) * large**2
        rows.append(
            {
                "region": WHOLE if region is None else str(region),
                "volume": volume,
                "vessel_volume": vessel,
                "volume_fraction": vessel / volume,
                "segments": int(here(segments).sum()),
                "length": length,
                "length_density": length * large / volume,
                "branch_points": points,
                "branch_point_density": points / volume,
                "mean_radius": float(np.average(radii, weights=lengths)) if length else np.nan,
                "median_radius": _median(radii, lengths),
                "tortuosity": float(np.nanmean(ratios)) if np.isfinite(ratios).any() else np.nan,
                "surface_area": area,
                "surface_density": area / volume,
            }
        )
    return pd.DataFrame(rows)


def with_units(summary: pd.DataFrame, unit: str) -> pd.DataFrame:
    """A summary, its columns named with their units, such as ``length density (mm/mm³)``."""
    small, large = symbol(unit), "mm" if length_unit(unit) else "voxel"
    names = {str(name): str(name).replace("_", " ") for name in summary}
    for name, kind in _IN.items():
        names[name] = f"{names[name]} ({kind.format(unit=small, large=large)})"
    return summary.rename(columns=names)


class _Pieces:
    """The steps from voxel to voxel along all centre lines.

    Attributes
    ----------
    length, radius : ndarray
        Of each step.
    at : ndarray, shape (N, 3)
        Its middle in voxels.
    middles : ndarray, shape (S, 3)
        Middle of each segment in voxels.
    tortuosity : ndarray, shape (S,)
        Of each segment; not a number for a loop.
    """

    def __init__(self, paths: Sequence[NDArray[np.float64]], size: NDArray[np.float64]) -> None:
        starts = np.concatenate([path[:-1] for path in paths])
        stops = np.concatenate([path[1:] for path in paths])
        self.length = np.linalg.norm((stops - starts)[:, :3], axis=1)
        self.radius = (starts[:, 3] + stops[:, 3]) / 2
        self.at = (starts + stops)[:, :3] / 2 / size
        self.middles = np.stack([path[len(path) // 2, :3] for path in paths]) / size
        whole = np.array([np.linalg.norm(np.diff(p[:, :3], axis=0), axis=1).sum() for p in paths])
        straight = np.array([np.linalg.norm(path[-1, :3] - path[0, :3]) for path in paths])
        self.tortuosity = np.divide(
            whole, straight, out=np.full(len(paths), np.nan), where=straight > 0
        )


def _at(regions: NDArray[Any] | None, voxels: NDArray[np.float64]) -> NDArray[Any]:
    """Numbers of the regions in which points lie."""
    if regions is None:
        return np.zeros(len(voxels), int)
    index = np.rint(voxels).astype(int).clip(0, np.array(regions.shape) - 1)
    found: NDArray[Any] = regions[tuple(index.T)]
    return found


def _count(
    regions: NDArray[Any] | None, where: NDArray[np.bool_] | None, shape: Sequence[int]
) -> dict[int | None, int]:
    """Voxels of each region, and of all as None."""
    whole = int(np.prod(shape)) if where is None else int(np.count_nonzero(where))
    if regions is None:
        return {None: whole}
    values, counts = np.unique(regions if where is None else regions[where], return_counts=True)
    return {None: whole, **dict(zip(values.tolist(), counts.tolist(), strict=True))}


def _surface(
    inside: NDArray[np.bool_],
    size: NDArray[np.float64],
    regions: NDArray[Any] | None,
    known: NDArray[np.bool_] | None,
) -> dict[int | None, float]:
    """Area of the surface in each region, and of all as None, by Crofton's formula.

    The area is twice what lines in all directions cross of it. The lines run through the voxels
    in the 13 directions to their neighbours, each weighted by its share of the sphere.
    """
    ways = np.array([way for way in product((-1, 0, 1), repeat=3) if any(way)])
    vectors = ways * size
    lengths = np.linalg.norm(vectors, axis=1)
    shares = SphericalVoronoi(vectors / lengths[:, None]).calculate_areas() / (4 * np.pi)
    areas: dict[int | None, float] = {None: 0.0}
    # The opposite way has the same lines.
    for way, length, share in zip(ways[13:], lengths[13:], 2 * shares[13:], strict=True):
        here = tuple(
            slice(max(-w, 0), n - max(w, 0)) for w, n in zip(way, inside.shape, strict=True)
        )
        there = tuple(
            slice(max(w, 0), n - max(-w, 0)) for w, n in zip(way, inside.shape, strict=True)
        )
        crossed = inside[here] != inside[there]
        if known is not None:
            crossed &= known[here] & known[there]
        each = 2 * share * float(np.prod(size)) / length
        areas[None] += each * np.count_nonzero(crossed)
        if regions is not None:
            ours = np.where(inside[here][crossed], regions[here][crossed], regions[there][crossed])
            for region, count in zip(*np.unique(ours, return_counts=True), strict=True):
                areas[int(region)] = areas.get(int(region), 0.0) + each * float(count)
    return areas


def _median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """The value below which half of the weight lies."""
    if not weights.sum():
        return float("nan")
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(below, below[-1] / 2)])
