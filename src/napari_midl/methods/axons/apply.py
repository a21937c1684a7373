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
from napari_midl.methods.axons.pixels import Pixels
from napari_midl.methods.axons.tracker import Steps, Tracker, width_at
from napari_midl.volumes.scaling import robust_scaling
from napari_midl.volumes.traces import Trace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray

    from napari_midl.engine.models import Model
    from napari_midl.methods.axons.settings import TraceSettings
    from napari_midl.volumes.traces import Seed
    from napari_midl.volumes.volume import Volume

BATCH = 256
_ROUTE_STRIDE, _ROUNDS = 3, 2


class Tracing:
    """A model made ready for one image: open it once, then trace as often as wanted.

    Parameters
    ----------
    volume : Volume
        Image with axes ``Z Y X``; with one plane it is traced in 2D.
    model : Model
        An axon model.
    settings : TraceSettings
        How to follow.

    Raises
    ------
    InputError
        If the image is empty, flat, holds no intensities, or is smaller than a view.
    """

    def __init__(self, volume: Volume, model: Model, settings: TraceSettings) -> None:
        self.volume, self.settings = volume, settings
        self.flat = volume.shape[0] == 1
        image = volume.data[0] if self.flat else volume.data
        if min(volume.shape[1:]) < 11:
            raise InputError(
                f"{volume.name} is {volume.shape[1]} x {volume.shape[2]} pixels, smaller than "
                "the agent's view of 11 x 11; give a larger image."
            )
        z, y, x = volume.voxel_size
        self.spacing = (y / x, 1.0) if self.flat else (z / x, y / x, 1.0)
        scaling = robust_scaling(volume)
        shown = (lambda block: 1 - scaling(block)) if settings.dark else scaling
        self.pixels = Pixels(image, shown, self.spacing)
        self.tracker = Tracker(model.network, self.pixels)  # type: ignore[arg-type]
        slope, shift = model.card.get("calibration", (1.0, 0.0))
        self._calibration = slope, shift

    def position(self, voxel: Sequence[float]) -> torch.Tensor:
        """A voxel ``(z, y, x)`` in isotropic px of the traced image."""
        values = voxel[1:] if self.flat else voxel
        return torch.tensor(values, dtype=torch.float32) * torch.tensor(self.spacing)

    def follow(self, seeds: Sequence[Seed]) -> Job[list[Trace]]:
        """Trace from seeds as one batch; previews are the traces as they stand."""
        starts, headings, widths, owners = [], [], [], []
        for k, seed in enumerate(seeds):
            self._check(seed)
            place = self.position(seed.position)
            width = self.settings.width or width_at(self.pixels, place)
            if seed.direction is not None:
                ways = [self.position(seed.direction)]
            else:
                ways = self.tracker.headings(place, width)
            for way in ways:
                starts.append(place)
                headings.append(way)
                widths.append(width)
                owners.append(k)
        taken: list[Steps] = []
        for taken in self.tracker.follow(
            torch.stack(starts),
            torch.stack(headings),
            torch.tensor(widths),
            self.settings.longest,
            self.settings.give_up,
        ):
            ended = sum(bool(steps.why) for steps in taken)
            yield Progress(
                ended, len(taken), "following", preview=self._traces(seeds, owners, taken)
            )
        return self._traces(seeds, owners, taken)

    def _traces(
        self, seeds: Sequence[Seed], owners: Sequence[int], taken: Sequence[Steps]
    ) -> list[Trace]:
        traces = []
        for k, seed in enumerate(seeds):
            parts = [s for s, owner in zip(taken, owners, strict=True) if owner == k]
            points = np.stack(parts[0].points)
            entropy = np.array(parts[0].entropy)
            if len(parts) > 1:
                points = np.concatenate([np.stack(parts[1].points)[:0:-1], points])
                entropy = np.concatenate([parts[1].entropy[:0:-1], entropy])
            why = " / ".join(part.why for part in reversed(parts))
            traces.append(Trace(seed.path, self._voxels(points), self._unsure(entropy), why=why))
        return traces

    def _voxels(self, points: NDArray[Any]) -> NDArray[np.float64]:
        voxels = points / np.asarray(self.spacing)
        return np.pad(voxels, ((0, 0), (1, 0))) if self.flat else voxels.astype(float)

    def _unsure(self, entropy: NDArray[Any]) -> NDArray[np.float64]:
        """Probability of being off the fibre, as calibrated on synthetic ones."""
        slope, shift = self._calibration
        return np.asarray(1 / (1 + np.exp(-(slope * np.asarray(entropy, float) + shift))))

    def _check(self, seed: Seed) -> None:
        shape = self.volume.shape
        if not all(0 <= p <= n - 1 for p, n in zip(seed.position, shape, strict=True)):
            where = ", ".join(f"{p:g}" for p in seed.position)
            raise InputError(
                f"The seed {seed.path} at ({where}) lies outside {self.volume.name} of "
                f"{' x '.join(map(str, shape))} (z, y, x); correct its row."
            )


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
        If a seed lies outside the image, or the image is flat, empty or too small.
    """
    if not seeds:
        raise InputError(f"There is no seed to trace {volume.name} from; give at least one.")
    yield Progress(0, 0, "looking at the image")
    tracing = Tracing(volume, model, settings)
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
    width = tracing.settings.width or width_at(tracing.pixels, points[len(points) // 2])
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
    entropy = policy.entropy().mean(-1).numpy()
    return Trace(path, tracing._voxels(points.numpy()), tracing._unsure(entropy), why="both ends")


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
    whole = tracing.pixels._read(tuple(slice(0, n) for n in tracing.pixels.shape)).numpy()
    return minimal_path.cost(whole)


def _classical(tracing: Tracing, seeds: Sequence[Seed]) -> Job[list[Trace]]:
    costs = _costs(tracing)
    traces = []
    for k, seed in enumerate(seeds):
        yield Progress(k, len(seeds), f"path from seed {seed.path}")
        tracing._check(seed)
        start = seed.position[-costs.ndim :]
        if seed.direction is not None:
            ways = [np.asarray(seed.direction[-costs.ndim :])]
        else:
            place = tracing.position(seed.position)
            width = tracing.settings.width or width_at(tracing.pixels, place)
            spacing = np.asarray(tracing.spacing)
            ways = [w.numpy() / spacing for w in tracing.tracker.headings(place, width)]
        parts = [minimal_path.ahead(costs, start, way, tracing.spacing) for way in ways]
        points = parts[0]
        if len(parts) > 1:
            points = np.concatenate([parts[1][:0:-1], points])
        voxels = np.pad(points, ((0, 0), (3 - points.shape[1], 0)))
        traces.append(Trace(seed.path, voxels, np.full(len(voxels), np.nan), why="border"))
    return traces
