"""What the surroundings of a voxel look like at octaves of scale.

The image is halved again and again, and the same small filters run on each level: a large
scale costs less than a small one (Lindeberg, *Scale-Space Theory in Computer Vision*, 1994).
There are two pyramids. That of planes never mixes slices, however far apart they lie; that of
volumes smooths as far along *z* as in the plane, in units of length.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_midl.methods.vessels.filters import (
    curvature,
    eigenvalues_2d,
    eigenvalues_3d,
    doubled,
    doubled_map,
    greatest_around,
    neighbours,
    pool,
    reach_z,
    slope,
    smooth,
    smooth_z,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_midl.engine.tiles import Index, Region

# Of the intensity: noise below it would rule the logarithm.
FLOOR = 0.03
PLANES = (1, 2, 4, 8, 16, 32)
VOLUMES = (1, 2, 4, 8)
WINDOWS = (2, 4, 8, 16)
_SPREAD = 0.01
# Voxels in the plane that can change a feature of each factor, rounded to the stride.
_MARGIN = {1: 32, 2: 32, 4: 32, 8: 64, 16: 128, 32: 128}
_STRIDE = PLANES[-1]
# Slices to each side that a feature in the plane looks at.
_BESIDE = 3


@dataclass(frozen=True)
class Level:
    """Features that live on one grid.

    Parameters
    ----------
    factor, start : tuple of int
        Voxels ``(z, y, x)`` of the image to one of the grid, and where in the image it starts.
    names : tuple of str
        Of the features.
    maps : Tensor, shape (features, Z, Y, X)
        Their values on the grid.
    """

    factor: Index
    start: Index
    names: tuple[str, ...]
    maps: Tensor

    def slice(self, z: int, maps: Tensor) -> Tensor:
        """Maps ``(Z, Y, X, C)`` on this grid at a slice of the image, ``(Y, X, C)``."""
        deep, start = self.factor[0], self.start[0]
        if deep == 1:
            return maps[z - start]
        place = min(max((z - start + 0.5) / deep - 0.5, 0), len(maps) - 1)
        below = int(place)
        above = min(below + 1, len(maps) - 1)
        return torch.lerp(maps[below], maps[above], place - below)


def onto_finer(maps: Tensor, coarse: Level, fine: Level) -> Tensor:
    """Maps ``(Y, X, C)`` of a level on the grid of one that is twice as fine and covers less."""
    top, left = (
        (f - c) // fine.factor[1] for f, c in zip(fine.start[1:], coarse.start[1:], strict=True)
    )
    height, width = fine.maps.shape[-2:]
    return doubled(maps)[top : top + height, left : left + width]


def inside(maps: Tensor, level: Level, y: slice, x: slice) -> Tensor:
    """Maps ``(Y, X, C)`` of the level that is half as fine as the image, on a part of it."""
    cells, starts = [], []
    for wanted, start, size in zip((y, x), level.start[1:], maps.shape, strict=False):
        # One more on each side: the interpolation looks at them.
        first = max(0, (wanted.start - start) // 2 - 1)
        cells.append(slice(first, min(size, -(-(wanted.stop - start) // 2) + 1)))
        starts.append(start + 2 * first)
    grid = doubled(maps[cells[0], cells[1]])
    (top, left) = starts
    return grid[y.start - top : y.stop - top, x.start - left : x.stop - left]


@dataclass(frozen=True)
class ScaleSpace:
    """The features of images with voxels of one shape.

    Parameters
    ----------
    depth : float
        Distance of two slices in distances of two columns.
    """

    depth: float = 1.0

    @property
    def stride(self) -> Index:
        """Voxels ``(z, y, x)`` at whose multiples a block has to start."""
        return (self._slices(VOLUMES[-1]), _STRIDE, _STRIDE)

    @property
    def halo(self) -> Index:
        """Voxels ``(z, y, x)`` of context that can change the features of a voxel."""
        z = self.stride[0]
        return (z + max(self._margin_z(f) for f in VOLUMES), *(2 * [_STRIDE + max(_MARGIN.values())]))  # type: ignore[return-value]

    def levels(self, image: Tensor, region: Region) -> list[Level]:
        """The features of a region, each on its own grid.

        Parameters
        ----------
        image : Tensor, shape (Z, Y, X)
            Intensities in about [0, 1] of a block that starts at a multiple of `stride`.
        region : tuple of slice
            What of the block is wanted; the rest is context.
        """
        image = _to_multiple(image, self.stride)
        return [*_planes(image, region), *(self._volume(image, region, f) for f in VOLUMES)]

    def features(self, image: Tensor, region: Region) -> Tensor:
        """All features ``(z, y, x, features)`` of a region; see `levels`."""
        z, y, x = region
        levels = self.levels(image, region)
        finer = {level.factor[1]: level for level in levels if level.factor[0] == 1}
        slices = []
        for at in range(z.start, z.stop):
            found = []
            for level in levels:
                maps, here = level.slice(at, level.maps.permute(1, 2, 3, 0)), level
                while here.factor[1] > 1:
                    fine = finer[here.factor[1] // 2]
                    maps, here = onto_finer(maps, here, fine), fine
                top, left = here.start[1:]
                found.append(maps[y.start - top : y.stop - top, x.start - left : x.stop - left])
            slices.append(torch.cat(found, -1))
        return torch.stack(slices)

    def _slices(self, factor: int) -> int:
        """Slices to one of a level of volumes, so that its voxels are nearly cubes."""
        octaves = round(math.log2(factor / self.depth))
        return 2 ** max(0, min(octaves, round(math.log2(factor))))

    def _sigma_z(self, factor: int) -> float:
        return factor / (self.depth * self._slices(factor))

    def _margin_z(self, factor: int) -> int:
        # Two derivatives and the interpolation reach one slice of the level each.
        reach = self._slices(factor) * (reach_z(self._sigma_z(factor)) + 3)
        return -(-max(reach, _BESIDE) // self.stride[0]) * self.stride[0]

    def _volume(self, image: Tensor, region: Region, factor: int) -> Level:
        margin = (self._margin_z(factor), _MARGIN[factor], _MARGIN[factor])
        part, start = _around(image, region, margin, self.stride)
        grid = (self._slices(factor), factor, factor)
        spacing = self.depth * grid[0] / factor
        maps: dict[str, Tensor] = {}
        for name, source in (("L", _log(part)), ("I", part)):
            here = smooth_z(smooth(pool(source, grid)), self._sigma_z(factor))
            relative = 1.0 if name == "L" else 1 / (here + FLOOR)
            gz, gy, gx = slope(here, 0) / spacing, slope(here, 1), slope(here, 2)
            maps[f"{name}3 {factor}"] = here
            maps[f"{name}3 gradient {factor}"] = (gz * gz + gy * gy + gx * gx).sqrt() * relative
            values = eigenvalues_3d(
                curvature(here, 0) / spacing**2,
                curvature(here, 1),
                curvature(here, 2),
                slope(gz, 1),
                slope(gz, 2),
                slope(gy, 2),
            )
            for k, value in enumerate(values):
                maps[f"{name}3 hessian{k} {factor}"] = value * relative
        return Level(grid, start, tuple(maps), torch.stack(list(maps.values())))


@lru_cache(maxsize=1)
def feature_names() -> tuple[str, ...]:
    """Names of the features; those of the brightness itself are ``L`` or ``I`` and a scale."""
    block = torch.zeros(1, _STRIDE, _STRIDE)
    levels = ScaleSpace().levels(block, (slice(0, 1), slice(0, _STRIDE), slice(0, _STRIDE)))
    return tuple(name for level in levels for name in level.names)


def _planes(image: Tensor, region: Region) -> list[Level]:
    """Features in the plane, and how a voxel differs from the slices next to it."""
    parts, starts, smooths = {}, {}, {}
    for factor in PLANES:
        margin = (_BESIDE, _MARGIN[factor], _MARGIN[factor])
        parts[factor], starts[factor] = _around(image, region, margin, (1, _STRIDE, _STRIDE))
        smooths[factor] = smooth(pool(_log(parts[factor]), (1, factor, factor)))

    def onto(maps: Tensor, coarse: int, fine: int) -> Tensor:
        """A map of a coarse level on the grid of a finer one, which covers less."""
        while coarse > fine:
            finer = coarse // 2
            y, x = ((starts[finer][a] - starts[coarse][a]) // finer for a in (1, 2))
            height, width = (n // finer for n in parts[finer].shape[1:])
            maps, coarse = doubled_map(maps)[:, y : y + height, x : x + width], finer
        return maps

    maps = {f: _plane_level(parts[f], smooths[f], f) for f in PLANES}
    for fine in PLANES:
        for coarse in (f for f in PLANES if f > fine and fine <= 8):
            away = smooths[fine] - onto(smooths[coarse], coarse, fine)
            maps[fine][f"dL {fine}-{coarse}"] = away
    maps[1] |= _against_surroundings(parts, smooths, onto)
    return [
        Level((1, f, f), starts[f], tuple(maps[f]), torch.stack(list(maps[f].values())))
        for f in PLANES
    ]


def _plane_level(part: Tensor, level: Tensor, factor: int) -> dict[str, Tensor]:
    found = {f"L {factor}": level}
    if factor > 8:
        return found
    gy, gx = slope(level, 1), slope(level, 2)
    found[f"gradient {factor}"] = (gy * gy + gx * gx).sqrt()
    bright = smooth(pool(part, (1, factor, factor)))
    for name, here, scale in (("", level, 1.0), ("I ", bright, 1 / (bright + FLOOR))):
        values = eigenvalues_2d(curvature(here, 1), curvature(here, 2), slope(slope(here, 1), 2))
        for k, value in enumerate(values):
            found[f"{name}hessian{k} {factor}"] = value * scale
    before, after = neighbours(level, 0, 1 if factor in (1, 4) else 2)
    found[f"z least {factor}"] = torch.minimum(before, after) - level
    found[f"z most {factor}"] = torch.maximum(before, after) - level
    if factor <= 2:
        tensor = (smooth(smooth(smooth(p))) for p in (gy * gy, gx * gx, gy * gx))
        for k, value in enumerate(eigenvalues_2d(*tensor)):
            found[f"structure{k} {factor}"] = value.clamp_min(0).sqrt()
    return found


def _against_surroundings(parts, smooths, onto) -> dict[str, Tensor]:  # type: ignore[no-untyped-def]
    """How a voxel stands between the least and the greatest, and in the spread, around it."""
    log = _log(parts[1])
    deep = smooth_z(smooths[1], 1.0)
    found = {"L 0": log, "dL 0-1": log - smooths[1], "L z": deep}
    found["dL z-16"] = deep - onto(smooths[16], 16, 1)
    here = smooth(parts[1])
    for factor in WINDOWS:
        pooled = pool(parts[factor], (1, factor, factor))
        most = onto(smooth(greatest_around(pooled)), factor, 1)
        least = onto(smooth(-greatest_around(-pooled)), factor, 1)
        found[f"half {factor}"] = (here - least) / (most - least + FLOOR)
        found[f"range {factor}"] = torch.log((most + FLOOR) / (least + FLOOR))
        if factor >= 8:
            own = torch.log(here + FLOOR)
            found[f"over least {factor}"] = own - torch.log(least + FLOOR)
            found[f"under most {factor}"] = own - torch.log(most + FLOOR)
    for factor in (8, 16, 32):
        square = smooth(pool(_log(parts[factor]) ** 2, (1, factor, factor)))
        spread = (square - smooths[factor] ** 2).clamp_min(0)
        scale = onto((spread + _SPREAD).rsqrt(), factor, 1)
        found[f"z score {factor}"] = (smooths[1] - onto(smooths[factor], factor, 1)) * scale
    return found


def _log(image: Tensor) -> Tensor:
    return torch.log(image.clamp_min(0) + FLOOR)


def _to_multiple(image: Tensor, multiple: Index) -> Tensor:
    """Continue the far borders up to a multiple."""
    ends = [(-n) % m for n, m in zip(image.shape, multiple, strict=True)]
    if not any(ends):
        return image
    pad = [p for n in reversed(ends) for p in (0, n)]
    return torch.nn.functional.pad(image[None, None], pad, mode="replicate")[0, 0]


def _around(
    image: Tensor, region: Region, margin: Index, stride: Index
) -> tuple[Tensor, Index]:
    """A region with a margin, both ends at multiples of a stride, and where that starts."""
    part = []
    for at, more, step, size in zip(region, margin, stride, image.shape, strict=True):
        start = max(0, at.start - more) // step * step
        part.append(slice(start, min(size, -(-(at.stop + more) // step) * step)))
    z, y, x = part
    return image[z, y, x], (z.start, y.start, x.start)
