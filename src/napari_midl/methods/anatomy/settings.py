"""What a user may choose: the one source of the dock's form, the options and the run record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from napari_midl.engine.settings import Device, Seed, Settings, within

Method = Literal["warped", "learnt", "linear"]
Preset = Literal["compact", "paper"]


@dataclass(frozen=True)
class GenerateSettings(Settings):
    """How to generate a shape from landmarks.

    Parameters
    ----------
    method : str
        ``warped`` joins real meshes that are warped to the landmarks; ``learnt`` asks the
        network, and ``linear`` is the statistical shape model, for a second opinion.
    through : bool
        Bend the surface so that it passes through every placed landmark; else allow for how
        people place them.
    teeth : bool
        Draw teeth, where the model has some; without them the ridge is closed (``warped`` only).
    mirrored : bool
        The landmarks come from a mirrored scan, in which left and right are swapped.
    """

    method: Method = "warped"
    through: bool = True
    teeth: bool = True
    mirrored: bool = False


@dataclass(frozen=True)
class ShapesSettings(Settings):
    """How to make semi-real mandibles.

    Parameters
    ----------
    count : int
        How many.
    seed : int
        Seed of whose halves, bodies and asymmetry meet.
    """

    count: Annotated[int, within(2, 10000)] = 400
    seed: Seed = 0


@dataclass(frozen=True)
class TrainSettings(Settings):
    """How to train a generator on shapes.

    Parameters
    ----------
    preset : str
        ``compact`` ships; ``paper`` generates 140 x 140 x 140 voxels as Abdi et al., 2019.
    modes : int
        Most modes of the shape model.
    minutes : float
        Longest time to train the network.
    noise : float
        How far landmarks are moved at random in training, standard deviation in mm on average;
        those that people place less alike are moved further.
    data_licence : str
        Licence of the shapes, for the model's card.
    """

    preset: Preset = "compact"
    modes: Annotated[int, within(1, 512)] = 32
    minutes: Annotated[float, within(0.02, 6000.0)] = 5.0
    steps: Annotated[int, within(0, 10_000_000)] = 1500
    learning_rate: Annotated[float, within(1e-6, 0.1, step=1e-4)] = 2e-3
    half_life: Annotated[int, within(1, 1_000_000)] = 400
    noise: Annotated[float, within(0.0, 5.0)] = 1.0
    data_licence: str = ""
    seed: Seed = 0
    device: Device = "auto"
