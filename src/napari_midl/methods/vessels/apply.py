"""Jobs that use a vessel network: `predict` a volume, `propose` where to paint next."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.engine.streaming import ReadyModel, stream
from napari_midl.engine.uncertainty import binary_entropy
from napari_midl.methods.vessels.predictor import (
    LABELS,
    VesselModel,
    VesselSource,
    volume_shape,
)
from napari_midl.methods.vessels.settings import Device, PredictSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from napari_midl.engine.journal import Journal
    from napari_midl.engine.models import Model
    from napari_midl.engine.tiles import Index, Region
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.scaling import Scaling
    from napari_midl.volumes.volume import Volume

__all__ = ["LABELS", "Proposal", "predict", "predict_region", "probability", "propose"]


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
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        device = next(network.parameters()).device
        blocks = torch.from_numpy(np.ascontiguousarray(image)).reshape(-1, 1, *image.shape[-3:])
        with torch.inference_mode():
            blocks = blocks.to(device).contiguous(memory_format=torch.channels_last_3d)
            found: NDArray[np.float32] = torch.sigmoid(network(blocks)).float().cpu().numpy()
        return found.reshape(image.shape)
    finally:
        for module in training:
            module.training = True


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
    scheduler: str | None = None,
    source: VesselSource | None = None,
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
    scheduler : str, optional
        Address of a ``dask.distributed`` scheduler on whose workers to compute.
    source : VesselSource, optional
        Where these workers find the image and the model.

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
    found = VesselModel(volume, model, settings, source)
    return (yield from stream(found, out, focus=focus, resume=resume, scheduler=scheduler))


@dataclass(frozen=True)
class Proposal:
    """A place worth painting next.

    Parameters
    ----------
    origin, shape : tuple of int
        The patch, in voxels ``(z, y, x)``.
    uncertainty : float
        Mean entropy of the prediction in it, from 0 (sure) to 1.
    reason : str
        Why it was chosen, for a person.
    """

    origin: Index
    shape: Index
    uncertainty: float
    reason: str


def propose(
    volume: Volume,
    model: Model,
    patches: Sequence[Patch],
    count: int = 3,
    size: Index = (1, 64, 64),
    seed: int = 0,
    candidates: int = 24,
    device: Device = "auto",
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

    Yields
    ------
    Progress
        In candidates.

    Returns
    -------
    list of Proposal
        The least sure first; returned by the generator.
    """
    rng = np.random.default_rng(seed)
    shape = volume_shape(volume)
    extent = np.minimum(size, shape)
    asked = VesselModel(volume, model, PredictSettings(device=device))
    ready = yield from wait_for(in_thread(lambda: ReadyModel(asked)), Progress(0, candidates))
    found: list[Proposal] = []
    for tried in range(candidates):
        origin = rng.integers(0, np.array(shape) - extent + 1)
        step = Progress(tried, candidates, f"looking at place {tried + 1} of {candidates}")
        yield step
        if any(
            _overlap(origin.tolist(), extent.tolist(), p.origin, p.labels.shape) for p in patches
        ):
            continue
        region = tuple(slice(int(o), int(o + n)) for o, n in zip(origin, extent, strict=True))
        where = (region[0], region[1], region[2])
        vessel = yield from wait_for(in_thread(partial(ready.look, where)), step)
        unsure = float(binary_entropy(vessel).mean())
        reason = f"{unsure:.2f} bits a voxel, {float((vessel >= 0.5).mean()):.0%} called vessel"
        place = (int(origin[0]), int(origin[1]), int(origin[2]))
        found.append(
            Proposal(place, (int(extent[0]), int(extent[1]), int(extent[2])), unsure, reason)
        )
    chosen: list[Proposal] = []
    for proposal in sorted(found, key=lambda p: -p.uncertainty):
        if not any(_overlap(proposal.origin, proposal.shape, c.origin, c.shape) for c in chosen):
            chosen.append(proposal)
    return chosen[:count]


def _overlap(a: Sequence[int], m: Sequence[int], b: Sequence[int], n: Sequence[int]) -> bool:
    return all(x < y + w and y < x + v for x, v, y, w in zip(a, m, b, n, strict=True))
