"""What a user may choose of a prediction of named classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from napari_midl.engine.settings import Settings, within

Voxels = Annotated[int, within(1, 4096)]


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
    device : str
        Where to compute; ``auto`` takes a GPU where there is one.
    """

    tile: tuple[Voxels, Voxels, Voxels] = (32, 128, 128)
    samples: Annotated[int, within(1, 64)] = 1
    seed: Annotated[int, within(0, 2**31 - 1)] = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
