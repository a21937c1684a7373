"""Small networks that see a voxel by its features in scale space."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from napari_midl.engine.pixels.filters import soften
from napari_midl.engine.pixels.perceptron import Perceptron
from napari_midl.engine.pixels.pixel_pass import MOST, PixelPass
from napari_midl.engine.pixels.scale_space import ScaleSpace, feature_names
from napari_midl.engine.tiles import Tiling
from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_midl.engine.tiles import Index, Region

_SLAB = 16
_SMOOTHING = 1
_SURE = 1e-6


@dataclass(frozen=True)
class PixelArchitecture:
    """What distinguishes one preset from another.

    Parameters
    ----------
    members : int
        Networks whose logits are averaged.
    library : int
        Voxels of other images that it carries along, to be learnt again with new ones.
    """

    members: int = 1
    library: int = 0


PIXEL_ARCHITECTURES = {"pixels": PixelArchitecture(), "pixels-base": PixelArchitecture(3, 24_000)}


class PixelNet(nn.Module):
    """Perceptrons over the features of each voxel, with the scale space they are taken from.

    Parameters
    ----------
    design : PixelArchitecture
        How many networks there are, and what is carried along.

    Attributes
    ----------
    mean, deviation : Tensor, shape (features,)
        By which features are standardised.
    depth : Tensor
        Distance of two slices in distances of two columns, where an image does not tell.
    library, library_labels : Tensor, shapes (voxels, features) and (voxels,)
        Standardised features of voxels of other images, and whether they are vessel.
    """

    mean: Tensor
    deviation: Tensor
    depth: Tensor
    library: Tensor
    library_labels: Tensor

    def __init__(self, design: PixelArchitecture) -> None:
        super().__init__()
        features = len(feature_names())
        self.perceptrons = nn.ModuleList(Perceptron(features) for _ in range(design.members))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))
        self.register_buffer("depth", torch.ones(()))
        self.register_buffer("library", torch.zeros(design.library, features))
        self.register_buffer("library_labels", torch.zeros(design.library))

    @property
    def members(self) -> list[Perceptron]:
        """The networks whose logits are averaged."""
        return list(self.perceptrons)  # type: ignore[arg-type]

    def with_member(self, index: int, member: Perceptron) -> None:
        """Put another network in the place of one."""
        self.perceptrons[index] = member

    @property
    def space(self) -> ScaleSpace:
        """The scale space of images with slices that far apart."""
        return ScaleSpace(float(self.depth))

    def at_depth(self, depth: float | None) -> PixelNet:
        """The same weights for an image with slices that far apart; None if it does not tell."""
        if depth is None:
            return self
        found = copy.copy(self)
        found._buffers = {**self._buffers, "depth": torch.tensor(depth)}
        return found

    @property
    def stride(self) -> Index:
        """Voxels ``(z, y, x)`` at whose multiples a block has to start."""
        return self.space.stride

    @property
    def halo(self) -> Index:
        """Voxels ``(z, y, x)`` of context that can change an output voxel."""
        return self.space.halo

    @property
    def shift(self) -> Tensor:
        """How far each standardised feature moves if the image is brighter by a factor of e."""
        of_brightness = [
            name.startswith(("L ", "L3 ")) and _is_level(name) for name in feature_names()
        ]
        return torch.tensor(of_brightness).to(self.deviation) / self.deviation

    def standardised(self, features: Tensor) -> Tensor:
        """Features ``(N, features)`` as the perceptrons want them."""
        return ((features - self.mean) / self.deviation).clamp(-MOST, MOST)

    def logits(self, standardised: Tensor) -> Tensor:
        """Logits ``(N,)`` of voxels by their standardised features."""
        return torch.stack([member(standardised) for member in self.members]).mean(0)

    def forward(self, image: Tensor, region: Region | None = None) -> Tensor:
        """Logits of a region of an image.

        Parameters
        ----------
        image : Tensor, shape (N, 1, Z, Y, X)
            Intensities in [0, 1] of blocks that start at a multiple of `stride`.
        region : tuple of slice, optional
            What is wanted of a block; all of it if left out.

        Returns
        -------
        Tensor, shape (N, 1, z, y, x)
        """
        shape = image.shape[2:]
        z, y, x = region or (slice(0, shape[0]), slice(0, shape[1]), slice(0, shape[2]))
        wider = _wider(y, shape[1]), _wider(x, shape[2])
        inside = tuple(
            slice(a.start - b.start, a.stop - b.start) for a, b in zip((y, x), wider, strict=True)
        )
        found = [
            torch.cat([softened(part)[:, *inside] for part in self._slices(block[0], z, *wider)])
            for block in image
        ]
        return torch.stack(found)[:, None]

    def _slices(self, image: Tensor, z: slice, y: slice, x: slice) -> Iterator[Tensor]:
        """Logits ``(1, y, x)`` of one slice after the other."""
        depth, height, width = image.shape
        tiling = Tiling((depth, height, width), (1, 1, 1), self.halo, self.stride)
        for start in range(z.start, z.stop, _SLAB):
            stop = min(start + _SLAB, z.stop)
            # What is far above and below the slab is not looked at.
            outer, (near, rows, columns) = tiling.expand((slice(start, stop), y, x))
            levels = self.space.levels(image[outer], (near, rows, columns))
            over = PixelPass(self.members, self.mean, self.deviation, levels)
            for at in range(near.start, near.stop):
                yield over.logits(at, rows, columns)[None]


def _is_level(name: str) -> bool:
    return len(name.split()) == 2


def softened(logits: Tensor) -> Tensor:
    """Logits ``(Z, Y, X)`` of the probability, smoothed a little in the plane."""
    return torch.logit(soften(torch.sigmoid(logits)), _SURE)


def _wider(extent: slice, size: int) -> slice:
    """With the voxels around it that its smoothing looks at."""
    return slice(max(0, extent.start - _SMOOTHING), min(size, extent.stop + _SMOOTHING))


def build_pixel_network(preset: str) -> PixelNet:
    """A fresh network of a preset.

    Raises
    ------
    InputError
        If there is no such preset.
    """
    if preset not in PIXEL_ARCHITECTURES:
        raise InputError(
            f"{preset!r} is no preset; choose one of {', '.join(PIXEL_ARCHITECTURES)}."
        )
    return PixelNet(PIXEL_ARCHITECTURES[preset])
