"""Jobs that use a vessel network: `predict` a volume, `propose` where to paint next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_midl.engine import proposals
from napari_midl.engine.jobs import Job, Progress, elsewhere, in_thread, wait_for
from napari_midl.engine.probabilities import evaluated
from napari_midl.engine.proposals import Proposal
from napari_midl.engine.ready_model import ReadyModel
from napari_midl.engine.streaming import stream
from napari_midl.engine.uncertainty import binary_entropy
from napari_midl.engine.unsure import unsure_boxes
from napari_midl.methods.vessels.classes import CLASSES
from napari_midl.methods.vessels.predictor import (
    LABELS,
    VesselModel,
    volume_shape,
)
from napari_midl.methods.vessels.settings import Device, PredictSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from napari_midl.engine.annotation import Box
    from napari_midl.engine.journal import Journal
    from napari_midl.engine.models import Model
    from napari_midl.engine.tiles import Index, Region
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.scaling import Scaling
    from napari_midl.volumes.volume import Volume

__all__ = [
    "LABELS",
    "Proposal",
    "both_classes",
    "predict",
    "predict_region",
    "probability",
    "propose",
    "propose_from",
]


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
    region: Region,
    scaling: Scaling | None = None,
) -> NDArray[np.float32]:
    """Probability of vessel in one region, as `predict` would write it.

    Parameters
    ----------
    volume : Volume
        Image with axes ``Z Y X``.
    model : Model
        A vessel model.
    region : tuple of slice
        Region ``(z, y, x)`` in voxels.
    scaling : Scaling, optional
        The volume's, where it is known already.
    """
    ready = ReadyModel(VesselModel(volume, model, PredictSettings(), scaling=scaling))
    probability: NDArray[np.float32] = ready.look(region)[0]
    return probability


def predict(
    volume: Volume,
    model: Model,
    out: Path,
    settings: PredictSettings,
    focus: Sequence[float] | None = None,
    resume: bool = False,
) -> Job[Journal]:
    """Stream the probability of vessel, and its labels, into an OME-Zarr.

    The output is an image with axes ``C Z Y X`` and channel ``vessel probability`` (and
    ``uncertainty``), float32 in [0, 1], with ``labels/vessels``, 0 background, 1 vessel.
    Tiles are computed from `focus` outwards. A prediction that was cancelled or killed
    goes on by `resume`, and ends with the same bits as if it had never stopped.

    Parameters
    ----------
    volume : Volume
        Image with axes ``Z Y X``.
    model : Model
        A vessel model.
    out : Path
        Folder to write, usually ``NAME.ome.zarr``; it must not exist unless `resume`.
    settings : PredictSettings
        Threshold, tile, uncertainty, device.
    focus : sequence of float, optional
        Voxel ``(z, y, x)`` at which a person looks.
    resume : bool
        Go on with `out`.

    Yields
    ------
    Progress
        In tiles; its preview is the region just written.

    Returns
    -------
    Journal
        Returned by the generator; until it is closed the prediction can be resumed. Close it
        once all that belongs to the output is there, such as its record.

    Raises
    ------
    InputError
        If the image has one slice or cannot be read, the model gives no numbers, or the output
        exists, is another prediction's, or cannot be written.
    """
    found = yield from elsewhere(
        lambda: VesselModel(volume, model, settings), "looking at the image"
    )
    return (yield from stream(found, out, focus=focus, resume=resume))


def propose(
    volume: Volume,
    model: Model,
    patches: Sequence[Patch],
    count: int = 3,
    size: Index = (1, 64, 64),
    seed: int = 0,
    candidates: int = 24,
    device: Device = "auto",
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
    count : int
        Proposals to make.
    size : tuple of int
        Voxels ``(z, y, x)`` of a patch.
    seed : int
        Seed of the candidates' places.
    candidates : int
        Places to look at.
    device : str
        Where to compute; ``auto`` takes a GPU where there is one.
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
        return ReadyModel(VesselModel(volume, model, PredictSettings(device=device)))

    ready = yield from wait_for(in_thread(load), Progress(0, candidates, "looking at the image"))

    def look(box: Box) -> NDArray[np.float32]:
        z, y, x = box
        return both_classes(ready.look((z, y, x))[0])

    return (
        yield from proposals.propose(
            volume_shape(volume), look, CLASSES, patches, size, count, seed, candidates, enough
        )
    )


def propose_from(
    prediction: Volume,
    patches: Sequence[Patch],
    count: int = 3,
    size: Index = (1, 64, 64),
) -> Job[list[Proposal]]:
    """Find the places where a prediction is least sure; no network is asked.

    Parameters
    ----------
    prediction : Volume
        The probability of vessel, axes ``Z Y X``; what is not computed yet is 0.
    patches, count, size
        As for `propose`.

    Yields
    ------
    Progress
        In parts of a coarse level, then in places.

    Returns
    -------
    list of Proposal
        The least sure first; returned by the generator.
    """
    boxes = yield from unsure_boxes(prediction.levels, binary_entropy, size, 16 * count)

    def look(box: Box) -> NDArray[np.float32]:
        return both_classes(np.asarray(prediction.read(box), np.float32))

    return (
        yield from proposals.least_sure(
            boxes, volume_shape(prediction), look, CLASSES, patches, count
        )
    )
