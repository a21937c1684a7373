"""Features in the plane, and how a voxel differs from the slices next to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_midl.engine.interrupt import go_on
from napari_midl.engine.pixels.filters import (
    curvature,
    eigenvalues_2d,
    greatest_around,
    neighbours,
    pool,
    slope,
    smooth,
    smooth_z,
)
from napari_midl.engine.pixels.levels import FLOOR, PLANES, Level, around, onto_finer

if TYPE_CHECKING:
    from napari_midl.volumes.boxes import Box

# Slices to each side that they look at.
BESIDE = 3
_WINDOWS = (2, 4, 8, 16)
_LOCAL = (1, 2, 4, 8)
_SPREAD = (8, 16, 32)
_LEAST_SPREAD = 0.01


def plane_levels(image: Tensor, log: Tensor, region: Box) -> list[Level]:
    """The features of a region of an image with its logarithm; see `ScaleSpace.levels`."""
    return _Planes(image, log, region).levels()


class _Planes:
    """The pyramid of the planes of a region, each level with its margin.

    Attributes
    ----------
    parts, logs : dict of int to Tensor
        Of the image and its logarithm, for the level of each factor.
    starts : dict of int to tuple of int
        Where in the image they start.
    deep : dict of int to Tensor
        The logarithm, smoothed, on the grid of each level, with slices on both sides.
    smooth : dict of int to Tensor
        The same without these.
    """

    def __init__(self, image: Tensor, log: Tensor, region: Box) -> None:
        self.parts, self.logs, self.starts, self.deep, self.smooth = {}, {}, {}, {}, {}
        z = region[0]
        self._above = z.start - max(0, z.start - BESIDE)
        for factor in PLANES:
            wide, _ = around(log, region, BESIDE, factor)
            self.parts[factor], self.starts[factor] = around(image, region, 0, factor)
            self.deep[factor] = smooth(pool(wide, (1, factor, factor)))
            self.logs[factor], self.smooth[factor] = map(self._middle, (wide, self.deep[factor]))
        self._lifted = {(factor, factor): maps for factor, maps in self.smooth.items()}

    def levels(self) -> list[Level]:
        """Finest first; `Interrupted` once nobody waits for them."""
        found = []
        for factor in PLANES:
            go_on()
            maps = {f"L {factor}": self.smooth[factor]}
            if factor in _LOCAL:
                maps |= self._shape(factor)
                for coarse in (f for f in PLANES if f > factor):
                    away = self.smooth[factor] - self._smooth_on(coarse, factor)
                    maps[f"dL {factor}-{coarse}"] = away
            if factor == 1:
                maps |= self._slices() | self._windows() | self._spread()
            stacked = torch.stack(list(maps.values()))
            found.append(Level((1, factor, factor), self.starts[factor], tuple(maps), stacked))
        return found

    def _middle(self, deep: Tensor) -> Tensor:
        """Without the slices beside the region."""
        return deep[self._above :][: len(self.parts[1])]

    def _smooth_on(self, coarse: int, fine: int) -> Tensor:
        """What is smooth on a coarse level, on the grid of a finer one; it is wanted often."""
        if (coarse, fine) not in self._lifted:
            maps = self._smooth_on(coarse, 2 * fine)
            self._lifted[coarse, fine] = self._onto(maps, 2 * fine, fine)
        return self._lifted[coarse, fine]

    def _onto(self, maps: Tensor, coarse: int, fine: int) -> Tensor:
        """A map of a coarse level on the grid of a finer one, which covers less."""
        while coarse > fine:
            finer = coarse // 2
            maps = onto_finer(
                maps, self.starts[coarse], self.starts[finer], finer, self.smooth[finer].shape
            )
            coarse = finer
        return maps

    def _shape(self, factor: int) -> dict[str, Tensor]:
        """Edges, ridges and blobs, and what is above and below."""
        level = self.smooth[factor]
        gy, gx = slope(level, 1), slope(level, 2)
        found = {f"gradient {factor}": (gy * gy + gx * gx).sqrt()}
        bright = smooth(pool(self.parts[factor], (1, factor, factor)))
        for name, here, scale in (("", level, None), ("I ", bright, 1 / (bright + FLOOR))):
            values = eigenvalues_2d(
                curvature(here, 1), curvature(here, 2), slope(slope(here, 1), 2)
            )
            for k, value in enumerate(values):
                found[f"{name}hessian{k} {factor}"] = value if scale is None else value * scale
        beside = neighbours(self.deep[factor], 0, 1 if factor in (1, 4) else 2)
        before, after = map(self._middle, beside)
        found[f"z least {factor}"] = torch.minimum(before, after) - level
        found[f"z most {factor}"] = torch.maximum(before, after) - level
        if factor <= 2:
            yy, xx, yx = (smooth(smooth(smooth(p))) for p in (gy * gy, gx * gx, gy * gx))
            for k, value in enumerate(eigenvalues_2d(yy, xx, yx)):
                found[f"structure{k} {factor}"] = value.clamp_min(0).sqrt()
        return found

    def _slices(self) -> dict[str, Tensor]:
        log, deep = self.logs[1], self._middle(smooth_z(self.deep[1], 1.0))
        return {
            "L 0": log,
            "dL 0-1": log - self.smooth[1],
            "L z": deep,
            "dL z-16": deep - self._smooth_on(16, 1),
        }

    def _windows(self) -> dict[str, Tensor]:
        """How a voxel stands between the least and the greatest around it."""
        found = {}
        here = smooth(self.parts[1])
        own = torch.log(here + FLOOR)
        for factor in _WINDOWS:
            pooled = pool(self.parts[factor], (1, factor, factor))
            most = self._onto(smooth(greatest_around(pooled)), factor, 1)
            least = self._onto(smooth(-greatest_around(-pooled)), factor, 1)
            high, low = torch.log(most + FLOOR), torch.log(least + FLOOR)
            found[f"half {factor}"] = (here - least) / (most - least + FLOOR)
            found[f"range {factor}"] = high - low
            if factor >= 8:
                found[f"over least {factor}"] = own - low
                found[f"under most {factor}"] = own - high
        return found

    def _spread(self) -> dict[str, Tensor]:
        """How many standard deviations a voxel is above its surroundings."""
        found = {}
        for factor in _SPREAD:
            square = smooth(pool(self.logs[factor] ** 2, (1, factor, factor)))
            variance = (square - self.smooth[factor] ** 2).clamp_min(0)
            scale = self._onto((variance + _LEAST_SPREAD).rsqrt(), factor, 1)
            mean = self._smooth_on(factor, 1)
            found[f"z score {factor}"] = (self.smooth[1] - mean) * scale
        return found
