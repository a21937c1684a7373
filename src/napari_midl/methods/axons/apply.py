"""Jobs that use a tracker: `trace` fibres from seeds, and `connect` two places."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage

from napari_midl.engine.jobs import Job, Progress
from napari_midl.errors import InputError
from napari_midl.methods.axons import minimal_path
from napari_midl.methods.axons.tracing import Tracing
from napari_midl.volumes.traces import Trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_midl.engine.models import Model
    from napari_midl.methods.axons.settings import TraceSettings
    from napari_midl.volumes.traces import Seed
    from napari_midl.volumes.volume import Volume

__all__ = ["Tracing", "connect", "trace"]

BATCH = 256
_ROUTE_STRIDE, _ROUNDS = 3, 2


def trace(
    volume: Volume, seeds: Sequence[Seed], model: Model, settings: TraceSettings
) -> Job[list[Trace]]:
    """Follow a fibre from each seed; many advance as one batch.

    Parameters
    ----------
    volume : Volume
        Image with axes ``Z Y X``; only what the agents come near is read.
    seeds : sequence of Seed
        Where to begin; both ways where a seed has no direction.
    model : Model
        An axon model; not used by the minimal path.
    settings : TraceSettings
        How to follow.

    Yields
    ------
    Progress
        Its preview is a list of `Trace` as they stand.

    Returns
    -------
    list of Trace
        In the order of the seeds; returned by the generator.

    Raises
    ------
    InputError
        If a seed lies outside the image or on no fibre, or the image is flat, empty or too small.
    """
    if not seeds:
        raise InputError(f"There is no seed to trace {volume.name} from; give at least one.")
    yield Progress(0, 0, "looking at the image")
    tracing = Tracing(volume, model, settings)
    for k, seed in enumerate(seeds):
        yield Progress(k, len(seeds), "looking at the seeds")
        tracing.require_fibre(seed)
    traces: list[Trace] = []
    for begin in range(0, len(seeds), BATCH):
        some = seeds[begin : begin + BATCH]
        if settings.method == "minimal-path":
            traces += yield from _classical(tracing, some)
        else:
            traces += yield from tracing.follow(some)
        yield Progress(len(traces), len(seeds), f"{len(traces)} of {len(seeds)} seeds")
    return traces


@torch.inference_mode()
def connect(tracing: Tracing, start: Sequence[float], end: Sequence[float], path: str) -> Trace:
    """The fibre between two voxels ``(z, y, x)`` on it.

    The classical path of least cost finds the way, and the agent draws it to the middle of
    the fibre, as finely as it traces.
    """
    costs = _costs(tracing)
    route = minimal_path.between(costs, start[-costs.ndim :], end[-costs.ndim :], tracing.spacing)
    points = torch.from_numpy(route[::_ROUTE_STRIDE] * np.asarray(tracing.spacing)).float()
    points = torch.cat([points, tracing.position(end)[None]])
    width = tracing.width(points[len(points) // 2])
    widths = torch.full((len(points),), width)
    for _ in range(_ROUNDS):
        policy, frames = tracing.tracker.look(points, _along(points), widths)
        moves = policy.mean() * width
        forward = (moves[..., :1] * frames[..., 0, :]).mean(1)
        aim = points + forward + (moves[..., 1:] * frames[..., 1, :]).sum(1)
        # Where the agent would go from one point lies beside the next.
        aim = torch.cat([tracing.position(start)[None], aim[:-2], tracing.position(end)[None]])
        smooth = ndimage.gaussian_filter1d(aim.numpy(), 0.7, axis=0, mode="nearest")
        points = torch.cat([aim[:1], torch.from_numpy(smooth)[1:-1], aim[-1:]])
    policy, _ = tracing.tracker.look(points, _along(points), widths[: len(points)])
    unsure = tracing.tracker.uncertainty(policy).double().numpy()
    return Trace(path, tracing.voxels(points.numpy()), unsure, why="both ends")


def _along(points: torch.Tensor) -> torch.Tensor:
    """Heading at each point of a path: towards the next one."""
    ahead = torch.cat([points[1:], 2 * points[-1:] - points[-2:-1]])
    return torch.nn.functional.normalize(ahead - points, dim=-1)


def _costs(tracing: Tracing) -> NDArray[np.float64]:
    if math.prod(tracing.pixels.shape) > 2**27:
        raise InputError(
            f"{tracing.volume.name} is too large for the minimal path, which needs it in memory; "
            "use the learnt tracker, or crop it."
        )
    whole = tracing.pixels.all().numpy()
    return minimal_path.cost(whole)


def _classical(tracing: Tracing, seeds: Sequence[Seed]) -> Job[list[Trace]]:
    costs = _costs(tracing)
    traces = []
    for k, seed in enumerate(seeds):
        yield Progress(k, len(seeds), f"path from seed {seed.path}")
        tracing.check(seed)
        start = seed.position[-costs.ndim :]
        if seed.direction is not None:
            ways = [np.asarray(seed.direction[-costs.ndim :])]
        else:
            place = tracing.position(seed.position)
            both, _ = tracing.tracker.headings(place, tracing.width(place))
            ways = [way.numpy() / np.asarray(tracing.spacing) for way in both]
        parts = [minimal_path.ahead(costs, start, way, tracing.spacing) for way in ways]
        points = parts[0]
        if len(parts) > 1:
            points = np.concatenate([parts[1][:0:-1], points])
        voxels = np.pad(points, ((0, 0), (3 - points.shape[1], 0)))
        traces.append(Trace(seed.path, voxels, np.full(len(voxels), np.nan), why="border"))
    return traces
