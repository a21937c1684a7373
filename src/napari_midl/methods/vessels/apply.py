"""What a vessel network says of a block or a region, and where to paint next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_midl.engine import proposals
from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.engine.probabilities import evaluated
from napari_midl.engine.ready_model import ReadyModel
from napari_midl.engine.uncertainty import binary_entropy
from napari_midl.engine.unsure import unsure_boxes
from napari_midl.methods.vessels.classes import CLASSES
from napari_midl.methods.vessels.predictor import VesselModel
from napari_midl.methods.vessels.settings import PredictSettings, ProposeSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import nn

    from napari_midl.engine.models import Model
    from napari_midl.engine.proposals import Proposal
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.boxes import Box, Region
    from napari_midl.volumes.volume import Volume


def probability(network: nn.Module, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probability of vessel, each block in one piece.

    Parameters
    ----------
    network : torch.nn.Module
        A vessel network, on any device; its mode is left as it was.
    image : ndarray of float32, shape (..., Z, Y, X)
        Intensities in [0, 1].

    Returns
    -------
    ndarray of float32, shape (..., Z, Y, X)
    """

    def ask(blocks: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(network(blocks.contiguous(memory_format=torch.channels_last_3d)))

    return evaluated(network, image.reshape(-1, 1, *image.shape[-3:]), ask).reshape(image.shape)


def both_classes(vessel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities ``(..., 2, Z, Y, X)`` of background and vessel, of ``(..., Z, Y, X)``."""
    return np.stack([1 - vessel, vessel], axis=-4)


def predict_region(
    volume: Volume,
    model: Model,
    region: Box,
) -> NDArray[np.float32]:
    """Probability of vessel in one region, as a prediction of all of it would have it.

    Parameters
    ----------
    volume : Volume
        Image with axes ``Z Y X``.
    model : Model
        A vessel model.
    region : tuple of slice
        Box ``(z, y, x)`` in voxels.
    """
    ready = ReadyModel(VesselModel(volume, model, PredictSettings()))
    probability: NDArray[np.float32] = ready.look(region)[0]
    return probability


def propose(
    volume: Volume,
    model: Model,
    patches: Sequence[Patch],
    settings: ProposeSettings,
    enough: Callable[[], bool] = lambda: False,
) -> Job[list[Proposal]]:
    """Find the places where the network is least sure, away from what is painted.

    Parameters
    ----------
    volume : Volume
        Image with axes ``Z Y X``.
    model : Model
        The model as it is now.
    patches : sequence of Patch
        What is painted already.
    settings : ProposeSettings
        How many places of which size, and of how many.
    enough : callable
        Whether to make do with the places that were looked at, once there is one.

    Yields
    ------
    Progress
        In candidates.

    Returns
    -------
    list of Proposal
        The least sure first; returned by the generator.
    """

    def load() -> ReadyModel:
        return ReadyModel(VesselModel(volume, model, PredictSettings(device=settings.device)))

    loading = Progress(0, settings.candidates, "looking at the image")
    ready = yield from wait_for(in_thread(load), loading)

    def look(box: Region) -> NDArray[np.float32]:
        z, y, x = box
        return both_classes(ready.look((z, y, x))[0])

    size, count = (1, settings.side, settings.side), settings.count
    how = (settings.seed, settings.candidates, enough)
    return (yield from proposals.propose(volume.shape, look, CLASSES, patches, size, count, *how))


def propose_from(
    prediction: Volume, patches: Sequence[Patch], settings: ProposeSettings
) -> Job[list[Proposal]]:
    """The same of a prediction; no network is asked.

    Parameters
    ----------
    prediction : Volume
        The probability of vessel, axes ``Z Y X``; what is not computed yet is 0.
    patches, settings
        As for `propose`.
    """
    size, count = (1, settings.side, settings.side), settings.count
    boxes = yield from unsure_boxes(prediction.levels, binary_entropy, size, 16 * count)

    def look(box: Region) -> NDArray[np.float32]:
        return both_classes(np.asarray(prediction.read(box), np.float32))

    return (yield from proposals.least_sure(boxes, look, CLASSES, patches, count))
