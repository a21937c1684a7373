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

from napari_midl.engine.interrupt import go_on
from napari_midl.engine.pixels.filters import (
    curvature,
    eigenvalues_3d,
    pool,
    reach_z,
    slope,
    smooth,
    smooth_z,
)
from napari_midl.engine.pixels.levels import (
    FLOOR,
    MARGIN,
    STRIDE,
    Level,
    around,
    log_of,
    onto_finer,
    to_multiple,
)
from napari_midl.engine.pixels.planes import BESIDE, plane_levels

if TYPE_CHECKING:
    from napari_midl.engine.tiles import Index
    from napari_midl.volumes.boxes import Box

VOLUMES = (1, 2, 4, 8)
# Slices of a level beside those wanted: two derivatives and the interpolation reach one each.
_NEXT = 3


@dataclass(frozen=True)
class ScaleSpace:
    """The features of images with voxels of one shape.

    Parameters
    ----------
    depth : float
        Distance of two slices in distances of two columns.
    flat : bool
        Whether each slice is an image of its own, and no other is looked at.
    """

    depth: float = 1.0
    flat: bool = False

    @property
    def stride(self) -> Index:
        """Voxels ``(z, y, x)`` at whose multiples a block has to start."""
        if self.flat:
            return (1, STRIDE, STRIDE)
        return (self._slices(VOLUMES[-1]), STRIDE, STRIDE)

    @property
    def halo(self) -> Index:
        """Voxels ``(z, y, x)`` of context that can change the features of a voxel."""
        beside = STRIDE + max(MARGIN.values())
        if self.flat:
            return (0, beside, beside)
        return (self.stride[0] + max(self._margin_z(f) for f in VOLUMES), beside, beside)

    def levels(self, image: Tensor, region: Box) -> list[Level]:
        """The features of a region, each on its own grid.

        Parameters
        ----------
        image : Tensor, shape (Z, Y, X)
            Intensities in about [0, 1] of a block that starts at a multiple of `stride`.
        region : tuple of slice
            What of the block is wanted; the rest is context. Where it is `flat`, one slice.

        Raises
        ------
        Interrupted
            Once nobody waits for them.
        """
        image = to_multiple(image, self.stride)
        log = log_of(image)
        if self.flat:
            z, y, x = region
            return plane_levels(image[z], log[z], (slice(0, 1), y, x))
        volumes = (self._volume(image, log, region, factor) for factor in VOLUMES)
        return [*plane_levels(image, log, region), *volumes]

    def features(self, image: Tensor, region: Box) -> Tensor:
        """All features ``(z, y, x, features)`` of a region; see `levels`."""
        z, y, x = region
        levels = self.levels(image, region)
        finer = {level.factor[1]: level for level in levels if level.factor[0] == 1}
        slices = []
        for at in range(z.start, z.stop):
            found = []
            for level in levels:
                below, above, share = level.between(at)
                maps, here = torch.lerp(level.maps[:, below], level.maps[:, above], share), level
                while here.factor[1] > 1:
                    fine = finer[here.factor[1] // 2]
                    shape = fine.maps.shape[1:]
                    maps = onto_finer(maps, here.start, fine.start, fine.factor[1], shape)
                    here = fine
                top, left = here.start[1:]
                found.append(maps[:, y.start - top : y.stop - top, x.start - left : x.stop - left])
            slices.append(torch.cat(found).permute(1, 2, 0))
        return torch.stack(slices)

    def _slices(self, factor: int) -> int:
        """Slices to one of a level of volumes, so that its voxels are nearly cubes."""
        octaves = round(math.log2(factor / self.depth))
        return 1 << max(0, min(octaves, round(math.log2(factor))))

    def _sigma_z(self, factor: int) -> float:
        return factor / (self.depth * self._slices(factor))

    def _margin_z(self, factor: int) -> int:
        reach = self._slices(factor) * (reach_z(self._sigma_z(factor)) + _NEXT)
        return -(-max(reach, BESIDE) // self.stride[0]) * self.stride[0]

    def _volume(self, image: Tensor, log: Tensor, region: Box, factor: int) -> Level:
        margin = self._margin_z(factor)
        part, start = around(image, region, margin, factor, self.stride[0])
        log, _ = around(log, region, margin, factor, self.stride[0])
        grid = (self._slices(factor), factor, factor)
        spacing = self.depth * grid[0] / factor
        # Of the slices that the smoothing looks at, few are needed by what follows.
        first = max(0, (region[0].start - start[0]) // grid[0] - _NEXT)
        needed = slice(first, -((start[0] - region[0].stop) // grid[0]) + _NEXT)
        maps: dict[str, Tensor] = {}
        for name, source in (("L", log), ("I", part)):
            go_on()
            here = smooth(smooth_z(pool(source, grid), self._sigma_z(factor))[needed])
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
        start = (start[0] + first * grid[0], *start[1:])
        return Level(grid, start, tuple(maps), torch.stack(list(maps.values())))


@lru_cache(maxsize=2)
def feature_names(flat: bool = False) -> tuple[str, ...]:
    """Names of the features; those of the brightness itself are ``L`` or ``I`` and a scale."""
    sides = slice(0, STRIDE)
    with torch.device("cpu"):  # also while a network is built without memory
        block = torch.zeros(1, STRIDE, STRIDE)
        levels = ScaleSpace(flat=flat).levels(block, (slice(0, 1), sides, sides))
    return tuple(name for level in levels for name in level.names)
