"""What a user may choose: the one source of the dock's form, the options and the run record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from napari_midl.engine.settings import Device, Seed, Settings, Shown, within
from napari_midl.errors import InputError

Method = Annotated[
    Literal["learnt", "minimal-path"],
    Shown("Follow by", choices=("the tracker that learnt", "the minimal path")),
]
Fibres = Annotated[
    Literal["auto", "bright", "dark"],
    Shown("Fibres are", choices=("find out", "bright", "dark")),
]
Preset = Literal["compact-path", "compact", "paper"]
Images = Literal["rich", "crowded", "SI", "SI-RC", "SI-W", "SI-EN", "SI-SN"]

# Of a trace to fine-tune on, in pixels of the plane.
SHORTEST_LESSON = 20.0


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
    fibres : str
        Whether the fibres are ``bright`` or ``dark`` against what is around them; ``auto`` finds
        it out where they are traced.
    dark : bool
        The same as ``fibres dark``.
    """

    method: Method = "learnt"
    give_up: Annotated[float, within(0.05, 1.0, step=0.05), Shown("Stop where doubt is above")] = (
        0.4
    )
    gap: Annotated[float, within(3.0, 1000.0, step=3.0), Shown("… on average over", "px")] = 96.0
    longest: Annotated[
        float, within(3.0, 1e6, step=100.0), Shown("Longest way from a click", "px")
    ] = 5000.0
    width: Annotated[
        float, within(0.0, 16.0, step=0.25), Shown("Width of the fibres", "x 4 px", "measured")
    ] = 0.0
    fibres: Fibres = "auto"
    dark: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _agree(self)

    def seen_as(self, dark: bool) -> TraceSettings:
        """The settings for fibres that were found to be dark, or bright."""
        return replace(self, fibres="dark" if dark else "bright", dark=dark)


def _agree(settings: TraceSettings | FinetuneSettings) -> None:
    """Let ``dark`` and ``fibres`` say the same."""
    if settings.dark and settings.fibres == "bright":
        raise InputError("fibres is bright and dark is true; give one of the two.")
    fibres = "dark" if settings.dark else settings.fibres
    object.__setattr__(settings, "fibres", fibres)
    object.__setattr__(settings, "dark", fibres == "dark")


@dataclass(frozen=True)
class TrainSettings(Settings):
    """How to train a tracker on synthetic fibres.

    Parameters
    ----------
    preset : str
        The agent: ``compact-path`` ships, ``compact`` does not see where it came from, ``paper``
        sees and acts as in Dai et al., 2019.
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
    reinforce_rate : float
        Learning rate of the policy optimisation.
    agents : int
        Agents on each of 32 images.
    processes : int
        Processes that draw images, beside the one that learns; 0 lets that one do it. The result
        does not depend on it.
    """

    preset: Preset = "compact-path"
    images: Images = "rich"
    steps: Annotated[int, within(0, 10_000_000)] = 0
    minutes: Annotated[float, within(0.02, 6000.0)] = 20.0
    reinforce: Annotated[int, within(0, 100_000)] = 0
    learning_rate: Annotated[float, within(1e-6, 0.1)] = 1e-3
    half_life: Annotated[int, within(1, 1_000_000)] = 2000
    reinforce_rate: Annotated[float, within(1e-7, 0.01)] = 1e-4
    agents: Annotated[int, within(1, 64)] = 8
    processes: Annotated[int, within(0, 256)] = 0
    seed: Seed = 0
    device: Device = "auto"


@dataclass(frozen=True)
class FinetuneSettings(Settings):
    """How to fine-tune a tracker on accepted traces of an image.

    Parameters
    ----------
    synthetic : float
        Share of synthetic fibres among the lessons, against forgetting.
    held_out : float
        Share of the traces kept aside to measure before against after.
    fibres : str
        Whether the fibres are ``bright`` or ``dark`` against what is around them; ``auto`` finds
        it out along the traces.
    dark : bool
        The same as ``fibres dark``.
    """

    minutes: Annotated[float, within(0.02, 600.0, step=0.5)] = 1.0
    steps: Annotated[int, within(0, 1_000_000)] = 0
    learning_rate: Annotated[float, within(1e-6, 0.1, step=1e-4)] = 3e-4
    half_life: Annotated[int, within(1, 100_000)] = 500
    synthetic: Annotated[float, within(0.0, 0.9, step=0.1)] = 0.5
    held_out: Annotated[float, within(0.0, 0.5, step=0.05)] = 0.25
    fibres: Fibres = "auto"
    dark: bool = False
    seed: Seed = 0
    device: Device = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        _agree(self)

    def seen_as(self, dark: bool) -> FinetuneSettings:
        """The settings for fibres that were found to be dark, or bright."""
        return replace(self, fibres="dark" if dark else "bright", dark=dark)
