"""Small networks that see a voxel by its features in scale space."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_midl.errors import InputError
from napari_midl.methods.vessels.filters import soften
from napari_midl.methods.vessels.levels import Level, inside, onto_finer
from napari_midl.methods.vessels.scale_space import ScaleSpace, feature_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_midl.engine.tiles import Index, Region

HIDDEN = (96, 48)
# Beyond it a feature is an accident; no voxel that was learnt from had it so.
_MOST = 6.0
# Slices and rows at a time: what is at hand has to fit into the cache.
_SLAB, _ROWS = 16, 16
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


class Perceptron(nn.Module):
    """From standardised features ``(N, features)`` to the logit ``(N,)`` of "inside a vessel"."""

    def __init__(self, features: int) -> None:
        super().__init__()
        wide, narrow = HIDDEN
        self.first = nn.Linear(features, wide)
        self.rest = nn.Sequential(nn.Linear(wide, narrow), nn.ReLU(), nn.Linear(narrow, 1))

    def forward(self, standardised: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.rest(torch.relu(self.first(standardised)))[:, 0]
        return logits


class PixelNet(nn.Module):
    """Perceptrons over the features of each voxel, with the scale space they are taken from.

    The first layer is linear: it is applied to each level of the pyramid on the level's own
    grid, and only its sums are brought onto that of the image.

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
        return ((features - self.mean) / self.deviation).clamp(-_MOST, _MOST)

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
        for start in range(z.start, z.stop, _SLAB):
            stop = min(start + _SLAB, z.stop)
            levels = self.space.levels(image, (slice(start, stop), y, x))
            layers = [_FirstLayer(self, member, levels) for member in self.members]
            for at in range(start, stop):
                logits = [
                    torch.cat([_rest(member, part) for part in layer.strips(at, y, x)])
                    for member, layer in zip(self.members, layers, strict=True)
                ]
                yield torch.stack(logits).mean(0)[None]


class _FirstLayer:
    """The linear layer of a perceptron over a pyramid."""

    def __init__(self, network: PixelNet, member: Perceptron, levels: list[Level]) -> None:
        self._bias = member.first.bias
        self._by_factor: dict[int, list[tuple[Level, _Share]]] = {}
        at = 0
        for level in levels:
            of = slice(at, at := at + len(level.names))
            share = _Share(network.mean[of], network.deviation[of], member.first.weight[:, of])
            self._by_factor.setdefault(level.factor[1], []).append((level, share))
        self._coarse = {
            factor: [(level, share(level.maps)) for level, share in parts]
            for factor, parts in self._by_factor.items()
            if factor > 1
        }

    def strips(self, z: int, y: slice, x: slice) -> Iterator[Tensor]:
        """Its output ``(rows, x, hidden)`` in a slice, a few rows at a time."""
        factors = sorted(self._coarse, reverse=True)
        total, here = self._own(factors[0], z)
        for factor in factors[1:]:
            own, finer = self._own(factor, z)
            total, here = onto_finer(total, here, finer) + own, finer
        for first in range(y.start, y.stop, _ROWS):
            rows = slice(first, min(first + _ROWS, y.stop))
            found = inside(total, here, rows, x).add_(self._bias)
            for level, share in self._by_factor[1]:
                top, left = level.start[1:]
                found += share(
                    level.maps[
                        :,
                        z - level.start[0],
                        rows.start - top : rows.stop - top,
                        x.start - left : x.stop - left,
                    ]
                )
            yield found

    def _own(self, factor: int, z: int) -> tuple[Tensor, Level]:
        """What the levels of a factor add in a slice, and the grid that it is on."""
        parts = self._coarse[factor]
        total = parts[0][0].slice(z, parts[0][1])
        for level, maps in parts[1:]:
            total = total + level.slice(z, maps)
        return total, parts[0][0]


class _Share:
    """What some of the features add to a linear layer."""

    def __init__(self, mean: Tensor, deviation: Tensor, weight: Tensor) -> None:
        self._scale = (1 / deviation)[:, None]
        self._offset = (-mean / deviation)[:, None]
        self._weight = weight.T.contiguous()

    def __call__(self, maps: Tensor) -> Tensor:
        """For features ``(features, …)``, ``(…, hidden)``."""
        values = torch.addcmul(self._offset, maps.flatten(1), self._scale).clamp_(-_MOST, _MOST)
        return (values.T @ self._weight).reshape(*maps.shape[1:], -1)


def _rest(member: Perceptron, first: Tensor) -> Tensor:
    """Logits ``(rows, x)`` from the output of the first layer ``(rows, x, hidden)``."""
    logits: Tensor = member.rest(F.relu_(first.flatten(0, 1)))
    return logits.reshape(first.shape[:2])


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
