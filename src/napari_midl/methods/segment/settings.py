"""What a user may choose: the one source of the dock's form, the options and the run record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from napari_midl.engine.settings import Device, Seed, Settings, Size, within

Kind = Literal["unet", "deepvesselnet", "mo-net", "pixels"]
Dimensions = Literal["auto", "2d", "3d"]
Width = Literal["compact", "full"]
Scope = Literal["everything", "decoder", "last-layers"]
LossName = Literal["balanced", "corrected", "decaying", "plain"]


@dataclass(frozen=True)
class TrainSettings(Settings):
    """How to learn to segment from labels.

    Parameters
    ----------
    architecture : str
        The network of a start from scratch. ``unet`` suits most structures, ``deepvesselnet``
        thin trees in stacks, ``mo-net`` many images of which only some classes are labelled
        beside few whose labels are full, ``pixels`` learns a few strokes in seconds, and has no
        use for the settings below but `dimensions`, `steps`, `dense` and `seed`.
    dimensions : str
        ``3d`` looks through the slices, ``2d`` at each by itself; ``auto`` takes ``2d`` for images
        of one slice.
    width : str
        ``compact`` is pleasant without a GPU, ``full`` has twice the features and one
        level more.
    scope : str
        What learns of a start that is trained. ``everything`` is right where the images look
        different, and nearly always; ``decoder`` where they look alike and something else is to
        be found in them; ``last-layers`` where the images and the structures are alike and a
        handful of strokes is all there is.
    new_head : bool
        Let a start that is trained tell other classes apart: its last layer begins anew.
    loss : str
        What to minimise over the labelled voxels: ``balanced`` lets each class count the same,
        ``corrected`` also punishes what is wrongly found (DeepVesselNet) and mostly draws finer,
        ``decaying`` begins with weights for rare classes that decay to 1 (Kaur et al.),
        ``plain`` counts voxels.
    minutes : float
        Longest time to train. Training stops sooner once the held-out blocks stop getting better.
    patch : tuple of int
        Size ``(z, y, x)`` in voxels of what is drawn around labelled voxels; one slice for ``2d``.
    batch : int
        Patches to a step.
    held_out : float
        Share of the labelled blocks held out: half of them choose the best model, half score it.
    dense : bool
        Read the labels as full maps (0 background, 1 the first class it knows, 2 the next)
        instead of strokes (0 unlabelled, 1 background, 2 the first class).
    """

    architecture: Kind = "unet"
    dimensions: Dimensions = "auto"
    width: Width = "compact"
    scope: Scope = "everything"
    new_head: bool = False
    loss: LossName = "corrected"
    minutes: Annotated[float, within(0.05, 600.0, step=0.5)] = 3.0
    steps: Annotated[int, within(0, 1_000_000)] = 0
    learning_rate: Annotated[float, within(1e-6, 0.1, step=1e-4)] = 3e-3
    half_life: Annotated[int, within(1, 100_000)] = 300
    patch: Size = (16, 64, 64)
    batch: Annotated[int, within(1, 64)] = 2
    held_out: Annotated[float, within(0.0, 0.5, step=0.05)] = 0.2
    dense: bool = False
    seed: Seed = 0
    device: Device = "auto"


@dataclass(frozen=True)
class PretrainSettings(Settings):
    """How to learn trees from generated volumes, before there are any labels.

    Parameters
    ----------
    architecture : str
        ``unet`` or ``deepvesselnet``.
    dimensions : str
        ``3d``, or ``2d`` for a network that sees one slice at a time.
    width : str
        ``compact`` or ``full``.
    loss : str
        What to minimise, as for training.
    patch : tuple of int
        Size ``(z, y, x)`` in voxels of what is drawn; one slice for ``2d``.
    batch : int
        Patches to a step.
    """

    architecture: Literal["unet", "deepvesselnet"] = "unet"
    dimensions: Literal["3d", "2d"] = "3d"
    width: Width = "compact"
    minutes: Annotated[float, within(0.05, 6000.0)] = 30.0
    steps: Annotated[int, within(0, 10_000_000)] = 0
    loss: LossName = "corrected"
    learning_rate: Annotated[float, within(1e-6, 0.1)] = 2e-3
    half_life: Annotated[int, within(1, 1_000_000)] = 900
    patch: Size = (16, 64, 64)
    batch: Annotated[int, within(1, 64)] = 2
    seed: Seed = 0
    device: Device = "auto"
