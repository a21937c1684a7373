"""What a user may choose: the one source of the dock's form, the options and the run record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from napari_midl.engine.settings import Device, Seed, Settings, Size, within

Length = Annotated[float, within(0.0, 1e9)]
Preset = Literal["compact", "tubenet", "tubenet-attention"]
Loss = Literal["dice-bce", "weighted-cross-entropy", "focal", "dice-bce-cldice"]


@dataclass(frozen=True)
class FinetuneSettings(Settings):
    """How to fine-tune a vessel network on a few painted voxels.

    Parameters
    ----------
    minutes : float
        Longest time to train. Training stops sooner once the validation blocks
        stop getting better.
    loss : str
        What to minimise over the painted voxels. ``dice-bce`` served the paper best.
    patch : tuple of int
        Size ``(z, y, x)`` in voxels of the sub-volumes drawn around painted voxels.
    batch : int
        Sub-volumes to a step.
    held_out : float
        Share of the painted blocks held out to choose the best model and to score it.
    finish : bool
        In the last fifth of the time also learn what was held out; the scores are of the model
        before that.
    alone : bool
        Train the U-Net on the strokes alone, as in its paper, and not beside a pixel network.
    dense : bool
        Read the labels as a full mask (0 background, anything else vessel)
        instead of strokes (0 unlabelled, 1 background, 2 vessel).
    """

    minutes: Annotated[float, within(0.05, 600.0, step=0.5)] = 2.0
    steps: Annotated[int, within(0, 1_000_000)] = 0
    loss: Loss = "dice-bce"
    learning_rate: Annotated[float, within(1e-6, 0.1, step=1e-4)] = 1e-3
    half_life: Annotated[int, within(1, 100_000)] = 300
    patch: Size = (16, 64, 64)
    batch: Annotated[int, within(1, 64)] = 2
    held_out: Annotated[float, within(0.0, 0.5, step=0.05)] = 0.2
    finish: bool = True
    alone: bool = False
    dense: bool = False
    seed: Seed = 0
    device: Device = "auto"


def unused_by_pixels(settings: FinetuneSettings) -> list[str]:
    """Names of the settings that were changed, and that pixel networks do without."""
    usual, used = FinetuneSettings().to_dict(), {"steps", "dense", "seed"}
    chosen = settings.to_dict()
    return [name for name in chosen if name not in used and chosen[name] != usual[name]]


@dataclass(frozen=True)
class PredictSettings(Settings):
    """How to apply a vessel network to a whole volume.

    Parameters
    ----------
    threshold : float
        Probability from which a voxel is labelled vessel.
    tile : tuple of int
        Size ``(z, y, x)`` in voxels of the piece predicted and written at once.
    uncertainty : bool
        Also write how unsure the network is: the entropy of the mean of
        `samples` predictions with dropout switched on, from 0 (sure) to 1.
    samples : int
        Predictions to average for the uncertainty.
    seed : int
        Seed of the dropout masks.
    """

    threshold: Annotated[float, within(0.0, 1.0, step=0.01)] = 0.5
    tile: Size = (32, 128, 128)
    uncertainty: bool = False
    samples: Annotated[int, within(2, 64)] = 8
    seed: Seed = 0
    device: Device = "auto"


@dataclass(frozen=True)
class PretrainSettings(Settings):
    """How to make base weights from synthetic volumes, and real ones where given.

    Parameters
    ----------
    preset : str
        The network: ``compact`` ships, ``tubenet`` is the paper's in full size.
    real_share : float
        Share of the sub-volumes drawn from the real stacks, where any are given.
    data_licence : str
        Licence of the real stacks, for the model card.
    loss : str
        What to minimise.
    patch : tuple of int
        Size ``(z, y, x)`` in voxels of the sub-volumes.
    batch : int
        Sub-volumes to a step; the paper took six.
    """

    preset: Preset = "compact"
    minutes: Annotated[float, within(0.05, 6000.0)] = 30.0
    steps: Annotated[int, within(0, 10_000_000)] = 0
    real_share: Annotated[float, within(0.0, 1.0)] = 0.5
    data_licence: str = ""
    loss: Loss = "dice-bce"
    learning_rate: Annotated[float, within(1e-6, 0.1)] = 2e-3
    half_life: Annotated[int, within(1, 1_000_000)] = 900
    patch: Size = (16, 64, 64)
    batch: Annotated[int, within(1, 64)] = 2
    seed: Seed = 0
    device: Device = "auto"


@dataclass(frozen=True)
class PretrainPixelsSettings(Settings):
    """How to make the pixel networks that ship.

    Parameters
    ----------
    steps : int
        Optimiser steps of each network.
    batch : int
        Voxels to a step.
    learning_rate : float
        Rate of the first half; it falls to nothing over the second.
    data_licence : str
        Licence of the stacks, for the model card.
    """

    steps: Annotated[int, within(1, 1_000_000)] = 2500
    batch: Annotated[int, within(1, 65_536)] = 384
    learning_rate: Annotated[float, within(1e-6, 0.1)] = 3e-3
    data_licence: str = ""
    seed: Seed = 0


@dataclass(frozen=True)
class ProposeSettings(Settings):
    """How to look for the places where painting teaches a network most.

    Parameters
    ----------
    count : int
        Most places to name.
    side : int
        Edge in voxels of a place, which is one slice thick.
    candidates : int
        Places to look at.
    seed : int
        Seed of where to look.
    """

    count: Annotated[int, within(1, 1000)] = 3
    side: Annotated[int, within(8, 4096)] = 64
    candidates: Annotated[int, within(1, 10_000)] = 24
    seed: Seed = 0
    device: Device = "auto"
