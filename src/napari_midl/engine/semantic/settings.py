"""What a user may choose of a prediction of named classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from napari_midl.engine.settings import Device, Seed, Settings, Size, within


@dataclass(frozen=True)
class PredictSettings(Settings):
    """How to segment a whole image.

    Parameters
    ----------
    tile : tuple of int
        Size ``(z, y, x)`` in voxels of the piece predicted and written at once.
    samples : int
        Predictions with dropout to average for the doubt; 1 takes that of the network itself.
    seed : int
        Seed of the dropout masks.
    """

    tile: Size = (32, 128, 128)
    samples: Annotated[int, within(1, 64)] = 1
    seed: Seed = 0
    device: Device = "auto"
