"""What a user may choose: the one source of the dock's form, the options and the run record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from napari_midl.engine.settings import Device, Seed, Settings, within

Method = Literal["beer-lambert", "density", "cyclegan", "linear"]
Speckle = Literal["any", "gaussian", "gamma", "correlated"]
DespecklerPreset = Literal["wide", "unet", "paper", "compact"]
GeneratorPreset = Literal["density", "compact", "resnet"]
Compression = Literal["deflate", "jpeg"]
LEARNT: tuple[Method, ...] = ("density", "cyclegan")
HAS_DOUBT: tuple[Method, ...] = ("beer-lambert", "density", "cyclegan")
TAKES_REFERENCE: tuple[Method, ...] = ("density", "beer-lambert")
Tile = Annotated[int, within(64, 8192)]


@dataclass(frozen=True)
class StainSettings(Settings):
    """How to stain a mosaic.

    Parameters
    ----------
    method : str
        ``beer-lambert`` takes the channels for the two stain densities; ``density`` predicts
        these and cannot invent nuclei; ``cyclegan`` draws the slide freely; ``linear`` is
        Gareau's.
    keep_speckle : bool
        Stain the reflectance as it is; otherwise it is despeckled first.
    doubt : bool
        Also write where not to trust the stain: cycle error and disagreement of two stains.
    watermark : bool
        Write *virtual stain, not for diagnosis* on the picture too, not only in its metadata.
    tile : int
        Edge in pixels of the piece that is stained and written at once.
    """

    method: Method = "beer-lambert"
    keep_speckle: bool = False
    doubt: bool = False
    watermark: bool = False
    tile: Tile = 512
    device: Device = "auto"


@dataclass(frozen=True)
class DespeckleSettings(Settings):
    """How to take the speckle out of a reflectance mosaic.

    Parameters
    ----------
    tile : int
        Edge in pixels of the piece that is despeckled and written at once.
    """

    tile: Tile = 512
    device: Device = "auto"


@dataclass(frozen=True)
class TrainDespecklerSettings(Settings):
    """How to train a despeckler on histology with artificial speckle.

    Parameters
    ----------
    preset : str
        The network: ``wide`` ships, ``unet`` trains in a third of the time, ``paper`` is that of
        Combalia et al., ``compact`` is the smallest.
    speckle : str
        ``gaussian`` as in the paper, ``gamma`` as of averaged laser looks, ``correlated``
        over neighbouring pixels, or ``any``, where each crop has its own kind and grain.
    deviation : float
        Standard deviation of the speckle; the paper's is 0.2.
    deviation_up_to : float
        If larger, each crop draws its own deviation from that range.
    learning_rate : float
        Rate of the first step; the paper's is 5e-4.
    crop : int
        Edge in pixels of the random crops.
    batch : int
        Crops to a step.
    data_licence : str
        Licence of the images, for the model card.
    """

    preset: DespecklerPreset = "unet"
    speckle: Speckle = "any"
    deviation: Annotated[float, within(0.01, 1.0, step=0.05)] = 0.1
    deviation_up_to: Annotated[float, within(0.0, 1.0, step=0.05)] = 0.8
    minutes: Annotated[float, within(0.05, 6000.0)] = 30.0
    steps: Annotated[int, within(0, 10_000_000)] = 0
    learning_rate: Annotated[float, within(1e-6, 0.1, step=1e-4)] = 5e-4
    half_life: Annotated[int, within(1, 1_000_000)] = 3000
    crop: Annotated[int, within(32, 2048)] = 256
    batch: Annotated[int, within(1, 256)] = 4
    data_licence: str = ""
    seed: Seed = 0
    device: Device = "auto"


@dataclass(frozen=True)
class TrainSettings(Settings):
    """How to train a stain on unpaired confocal mosaics and H&E slides.

    Parameters
    ----------
    generator : str
        ``density`` cannot invent nuclei, ``compact`` is pleasant on a CPU, ``resnet`` is the
        paper's in full size.
    steps : int
        Optimiser steps; the second half is taken on crops twice as large while the rate falls to
        zero. 0 means that only the time counts, at the first rate and crop.
    learning_rate : float
        Rate of the first half; the paper's is 2e-4.
    crop : int
        Edge in pixels of the crops of the first half; the paper's is 256.
    batch : int
        Crops of each kind to a step.
    cycle : float
        Weight of the cycle loss.
    identity : float
        Weight of the identity loss, relative to the cycle's.
    data_licence : str
        Licence of the images, for the model card.
    """

    generator: GeneratorPreset = "density"
    minutes: Annotated[float, within(0.05, 60000.0)] = 60.0
    steps: Annotated[int, within(0, 10_000_000)] = 0
    learning_rate: Annotated[float, within(1e-6, 0.1, step=1e-4)] = 2e-4
    crop: Annotated[int, within(32, 2048)] = 256
    batch: Annotated[int, within(1, 64)] = 1
    cycle: Annotated[float, within(0.0, 100.0)] = 10.0
    identity: Annotated[float, within(0.0, 10.0)] = 0.5
    data_licence: str = ""
    seed: Seed = 0
    device: Device = "auto"
