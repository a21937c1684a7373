"""What a network finds where a person looks, as much of it as a short time allows."""

from __future__ import annotations

import time
from math import prod
from typing import TYPE_CHECKING, Any

from napari_midl.engine.tiles import Tiling
from napari_midl.methods.vessels.apply import probability
from napari_midl.volumes.boxes import Box, box_around, size_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from napari_midl.engine.annotation import PaintedVolume
    from napari_midl.methods.vessels.network import VesselNet

_SLOW = 2e5  # voxels a second of a busy computer, until it is known
_SMALLEST = 64


class Preview:
    """Looks at the view, or at so much of its middle as is done in time.

    Parameters
    ----------
    painted : PaintedVolume
        The image.
    network : VesselNet
        One like those that will be looked at.
    view : callable
        Tells the region that a person looks at, or None.
    """

    def __init__(
        self, painted: PaintedVolume, network: VesselNet, view: Callable[[], Box | None]
    ) -> None:
        z, y, x = painted.shape
        self.painted, self.view, self.speed = painted, view, _SLOW
        self.tiling = Tiling((z, y, x), (z, y, x), network.halo, network.stride)

    def __call__(self, network: nn.Module, seconds: float) -> tuple[Box, Any] | None:
        """The region and the probability of vessel in it, or None if nobody looks."""
        region = self.view()
        if region is None:
            return None
        region = self._within(region, self.speed * seconds)
        outer, inner = self.tiling.expand(region)
        image, began = self.painted.read(outer), time.monotonic()
        found = probability(network, image)
        self.speed = image.size / max(time.monotonic() - began, 1e-6)
        return region, found[inner]

    def _within(self, region: Box, voxels: float) -> Box:
        """The middle of a region that needs at most so many voxels with its margin."""
        middle = [(s.start + s.stop) // 2 for s in region]
        size = list(size_of(region))
        while max(size) > _SMALLEST:
            outer, _ = self.tiling.expand(region)
            if prod(size_of(outer)) <= voxels:
                break
            size = [n if n <= _SMALLEST else n * 7 // 8 for n in size]
            region = box_around(middle, size, self.tiling.shape)
        return region
