"""What a user may choose: the one source of the dock's form, the options and the run record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from napari_midl.engine.settings import Settings, within

Device = Literal["auto", "cpu", "cuda"]
Method = Literal["learnt", "minimal-path"]
Preset = Literal["compact", "paper"]
Images = Literal["rich", "crowded", "SI", "SI-RC", "SI-W", "SI-EN", "SI-SN"]


@dataclass(frozen=True)
class TraceSettings(Settings):
    """How to follow fibres.

    Parameters
    ----------
    method : str
        ``learnt`` follows with the trained agent; ``minimal-path`` is the classical
        path of least cost, for a second opinion.
    give_up : float
        Mean uncertainty of a stretch from which it counts as lost.
    gap : float
        Length of that stretch, in pixels of a fibre of width 1; shorter doubtful ones are
        bridged, and a lost trace ends where the stretch began.
    longest : float
        Longest trace from a seed to one side, in pixels.
    width : float
        How much wider than about four pixels the fibres are; 0 measures it at each seed.
    dark : bool
        The fibres are darker than what is around them.
    """

    method: Method = "learnt"
    give_up: Annotated[float, within(0.05, 1.0, step=0.05)] = 0.4
    gap: Annotated[float, within(3.0, 1000.0, step=3.0)] = 96.0
    longest: Annotated[float, within(3.0, 1e6)] = 5000.0
    width: Annotated[float, within(0.0, 16.0, step=0.25)] = 0.0
    dark: bool = False


@dataclass(frozen=True)
class TrainSettings(Settings):
    """How to train a tracker on synthetic fibres.

    Parameters
    ----------
    preset : str
        The agent: ``compact`` ships, ``paper`` sees and acts as in Dai et al., 2019.
    images : str
        ``rich`` fibres, ``crowded`` ones alone, or one of the paper's five conditions.
    steps : int
        Optimiser steps of imitation; 0 means that only the time counts.
    minutes : float
        Longest time to imitate.
    reinforce : int
        Batches of episodes of proximal policy optimisation after that.
    learning_rate : float
        Rate of the first step of imitation; it halves every `half_life` steps.
    half_life : int
        Steps in which the learning rate halves.
    reinforce_rate : float
        Learning rate of the policy optimisation.
    agents : int
        Agents on each of 32 images.
    seed : int
        Seed of everything drawn at random.
    device : str
        Where to compute; ``auto`` takes a GPU where there is one.
    """

    preset: Preset = "compact"
    images: Images = "rich"
    steps: Annotated[int, within(0, 10_000_000)] = 0
    minutes: Annotated[float, within(0.02, 6000.0)] = 20.0
    reinforce: Annotated[int, within(0, 100_000)] = 0
    learning_rate: Annotated[float, within(1e-6, 0.1)] = 1e-3
    half_life: Annotated[int, within(1, 1_000_000)] = 2000
    reinforce_rate: Annotated[float, within(1e-7, 0.01)] = 1e-4
    agents: Annotated[int, within(1, 64)] = 8
    seed: Annotated[int, within(0, 2**31 - 1)] = 0
    device: Device = "auto"


@dataclass(frozen=True)
class FinetuneSettings(Settings):
    """How to fine-tune a tracker on accepted traces of an image.

    Parameters
    ----------
    minutes : float
        Longest time to train.
    steps : int
        Most optimiser steps; 0 means that only the time counts.
    learning_rate : float
        Rate of the first step; it halves every `half_life` steps.
    half_life : int
        Steps in which the learning rate halves.
    synthetic : float
        Share of synthetic fibres among the lessons, against forgetting.
    held_out : float
        Share of the traces kept aside to measure before against after.
    dark : bool
        The fibres are darker than what is around them.
    seed : int
        Seed of everything drawn at random.
    device : str
        Where to compute; ``auto`` takes a GPU where there is one.
    """

    minutes: Annotated[float, within(0.02, 600.0, step=0.5)] = 1.0
    steps: Annotated[int, within(0, 1_000_000)] = 0
    learning_rate: Annotated[float, within(1e-6, 0.1, step=1e-4)] = 3e-4
    half_life: Annotated[int, within(1, 100_000)] = 500
    synthetic: Annotated[float, within(0.0, 0.9, step=0.1)] = 0.5
    held_out: Annotated[float, within(0.0, 0.5, step=0.05)] = 0.25
    dark: bool = False
    seed: Annotated[int, within(0, 2**31 - 1)] = 0
    device: Device = "auto"
