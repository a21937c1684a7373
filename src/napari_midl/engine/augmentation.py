"""Random changes to sub-images in 2D and 3D that leave their meaning alone (tUbe net, 2.6)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Augmentation:
    """How far a sub-image may be changed; each range is drawn from uniformly.

    Parameters
    ----------
    rotation : float
        Largest rotation in the plane, degrees.
    zoom : (float, float)
        Range of the in-plane magnification.
    gamma : (float, float)
        Range of the exponent put on the intensities.
    contrast : (float, float)
        Range of the factor on the intensities.
    offset : float
        Largest shift of the intensities, up or down.
    noise : float
        Largest standard deviation of added Gaussian noise.
    fade : (float, float)
        Range of the factor on what is brighter than the background, the lower quartile: with
        depth the light of the tissue fades, and what the detector shows without light does not.
    """

    rotation: float = 30.0
    zoom: tuple[float, float] = (1.0, 1.25)
    gamma: tuple[float, float] = (0.7, 1.4)
    contrast: tuple[float, float] = (0.8, 1.2)
    offset: float = 0.08
    noise: float = 0.05
    fade: tuple[float, float] = (1.0, 1.0)

    def __call__(
        self, image: Tensor, labels: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Change a batch.

        Parameters
        ----------
        image : Tensor
            Intensities in [0, 1], ``(N, C, Z, Y, X)`` or ``(N, C, Y, X)`` float. Channels are
            changed alike; only the noise is drawn for each, and each has a background of its own.
        labels : Tensor
            Labels ``(N, 1, ...)`` of the same extent; what turns in from outside is unlabelled.
        generator : torch.Generator
            Source of the randomness.

        Returns
        -------
        image, labels : Tensor
            Changed copies.
        """
        image, labels = self._move(image, labels, generator)
        return self.recolour(image, generator), labels

    def _move(
        self, image: Tensor, labels: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        n, axes = image.shape[0], image.ndim - 2
        angle = _uniform(n, -self.rotation, self.rotation, generator) * (math.pi / 180)
        zoom = _uniform(n, *self.zoom, generator)
        flips = 1 - 2 * torch.randint(0, 2, (axes, n), generator=generator).float()
        ratio = image.shape[-2] / image.shape[-1]
        theta = torch.zeros(n, axes, axes + 1)
        # affine_grid's coordinates run -1..1 along x, y, z; `ratio` keeps rotation rigid.
        theta[:, 0, 0] = torch.cos(angle) / zoom * flips[0]
        theta[:, 0, 1] = -torch.sin(angle) / zoom * ratio * flips[0]
        theta[:, 1, 0] = torch.sin(angle) / zoom / ratio * flips[1]
        theta[:, 1, 1] = torch.cos(angle) / zoom * flips[1]
        if axes == 3:
            theta[:, 2, 2] = flips[2]
        grid = F.affine_grid(theta, list(image.shape), align_corners=False)
        moved = F.grid_sample(image, grid, padding_mode="reflection", align_corners=False)
        names = F.grid_sample(labels.float(), grid, mode="nearest", align_corners=False)
        return moved, names.to(labels.dtype)

    def recolour(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """The same places in another light: a changed copy of ``(N, C, ...)``."""
        n, shape = image.shape[0], (-1, *[1] * (image.ndim - 1))
        gamma = _uniform(n, *self.gamma, generator).view(shape)
        contrast = _uniform(n, *self.contrast, generator).view(shape)
        offset = _uniform(n, -self.offset, self.offset, generator).view(shape)
        noise = _uniform(n, 0.0, self.noise, generator).view(shape)
        image = image.clamp(0, 1) ** gamma * contrast + offset
        if self.fade != (1.0, 1.0):
            voxels = image.flatten(2)
            background = voxels.kthvalue(1 + voxels.shape[2] // 4).values
            background = background.view(*image.shape[:2], *shape[2:])
            fade = _uniform(n, *self.fade, generator).view(shape)
            image = background + fade * (image - background)
        image = image + noise * torch.randn(image.shape, generator=generator)
        return image.clamp(0, 1)


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=generator)
