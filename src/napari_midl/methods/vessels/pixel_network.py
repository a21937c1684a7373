"""The pixel networks of the vessel tool, which may carry voxels of other images along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from napari_midl.engine.models import preset_of
from napari_midl.engine.pixels.network import PixelNetwork

if TYPE_CHECKING:
    from torch import Tensor


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


class PixelNet(PixelNetwork):
    """Whether a voxel is inside a vessel, and voxels of other images.

    Parameters
    ----------
    design : PixelArchitecture
        How many networks there are, and what is carried along.

    Attributes
    ----------
    library, library_labels : Tensor, shapes (voxels, features) and (voxels,)
        Standardised features of voxels of other images, and whether they are vessel.
    """

    library: Tensor
    library_labels: Tensor

    def __init__(self, design: PixelArchitecture) -> None:
        super().__init__(design.members)
        self.register_buffer("library", torch.zeros(design.library, len(self.mean)))
        self.register_buffer("library_labels", torch.zeros(design.library))


def build_pixel_network(preset: str) -> PixelNet:
    """A fresh network of a preset, such as ``pixels``."""
    return PixelNet(preset_of(PIXEL_ARCHITECTURES, preset))
