"""A model made ready for one image: what traces, corrections and batches share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

from napari_midl.engine.jobs import Job, Progress
from napari_midl.errors import InputError
from napari_midl.methods.axons.bodies import doubt_in_bodies
from napari_midl.methods.axons.changes import changed_over
from napari_midl.methods.axons.crossings import LOOKING, ways_on
from napari_midl.methods.axons.drawing import SPACING, centred
from napari_midl.methods.axons.evidence import doubt_of_all
from napari_midl.methods.axons.homeward import ways_home
from napari_midl.methods.axons.network import Actor
from napari_midl.methods.axons.pixels import Pixels, scaling_of
from napari_midl.methods.axons.tracker import LOST, Steps, Tracker
from napari_midl.methods.axons.views import VIEW
from napari_midl.methods.axons.widths import width_at
from napari_midl.volumes.traces import Trace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray

    from napari_midl.engine.models import Model
    from napari_midl.methods.axons.settings import TraceSettings
    from napari_midl.volumes.traces import Seed
    from napari_midl.volumes.volume import Volume

# On synthetic images 98 of 100 places on a fibre lay below, 94 of 100 away from any above, as the
# tracker without its path saw them.
_NO_FIBRE = 0.5
# How many times wider than the fibre asks agents see and step: more to keep the way at crossings
# and through noise, less for sharp bends and for a thin fibre beside a wide one, whose width is
# measured in its place; and how much further one after the first must come. On synthetic images
# these covered most.
ZOOMS = (1.0, 1.5, 2.25, 0.67, 0.45)
# One after the other those who go, and whether they see their own path: it keeps the way at
# crossings, and those without it go on through grain and round sharp bends.
ATTEMPTS = ((1.0, True), (1.5, True), (2.25, True), (2.25, False), (0.67, False), (0.45, False))
_MUCH = 1.25
# How often one agent goes on where it was lost, and how unsure its choice of a way is at least.
_CHOICES, _CHOSEN = 4, 0.6
# So many px ahead of a seed its fibre has left the one that it branches from, and by so much that
# one is thicker at least.
_AHEAD, _THICKER = 12.0, 1.5
# Of so many seeds in a stack at most ways on are looked for, which takes seconds for each lost
# agent; of more, others lie beyond the gaps.
_PATIENT = 4
# By so many steps both ways the agents have surely come from the seed onto the fibre.
_ABOUT_SEED = 3


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
        self.volume, self.model, self.settings = volume, model, settings
        self.flat = volume.shape[0] == 1
        image, *coarser = [level[0] if self.flat else level for level in volume.levels]
        if min(volume.shape[1:]) < VIEW:
            raise InputError(
                f"{volume.name} is {volume.shape[1]} x {volume.shape[2]} pixels, smaller than "
                f"the agent's view of {VIEW} x {VIEW}; give a larger image."
            )
        z, y, x = volume.voxel_size
        self.spacing = (y / x, 1.0) if self.flat else (z / x, y / x, 1.0)
        shown = scaling_of(volume, settings.dark)
        actor = model.network
        assert isinstance(actor, Actor)
        self.pixels = Pixels(image, shown, self.spacing, actor.design.averages, coarser)
        self.tracker = Tracker(actor, self.pixels, model.card.get("calibration", (1.0, 0.0)))

    def position(self, voxel: Sequence[float]) -> torch.Tensor:
        """A voxel ``(z, y, x)`` in isotropic px of the traced image."""
        values = voxel[1:] if self.flat else voxel
        return torch.tensor(values, dtype=torch.float32) * torch.tensor(self.spacing)

    def width(self, place: torch.Tensor) -> float:
        """How much wider than in training the fibre at a place in isotropic px is."""
        return self.settings.width or width_at(self.pixels, place)

    def _width_for(self, seed: Seed) -> float:
        """As `width`, at a seed: one with a direction may lie where its fibre leaves a thicker one.

        Its fibre is then what lies ahead, where that is much thinner.
        """
        place = self.position(seed.position)
        width = self.width(place)
        if seed.direction is None:
            return width
        ahead = place + _AHEAD * F.normalize(self.position(seed.direction), dim=-1)
        thinner = self.width(ahead.clamp(min=0).minimum(self.pixels.end))
        return thinner if width > _THICKER * thinner else width

    def follow(self, seeds: Sequence[Seed]) -> Job[list[Trace]]:
        """Trace from seeds as one batch; previews are the traces as they stand.

        Where an agent is lost, one that sees more of the image follows the same way, lastly one
        that sees less, and is believed if it surely comes much further. One that still is lost
        goes on by the best of the ways that lead back to it (`ways_on`) or, where there is none,
        by which agents come to it from ahead (`ways_home`); but not of many seeds in a stack.
        """
        starts, headings, widths, owners = [], [], [], []
        for k, seed in enumerate(seeds):
            yield Progress(k, len(seeds), "looking at the seeds", preview=[])
            self.check(seed)
            place = self.position(seed.position)
            width = self._width_for(seed)
            for way in self.ways(seed, width):
                starts.append(place)
                headings.append(way)
                widths.append(width)
                owners.append(k)
        begins, aims = torch.stack(starts), torch.stack(headings)
        stepping, taken = torch.tensor(widths), [Steps() for _ in starts]
        left = list(range(len(starts)))
        for zoom, remembers in ATTEMPTS:
            agents: list[Steps] = []
            for agents in self.tracker.follow(
                begins[left],
                aims[left],
                zoom * stepping[left],
                self.settings.longest,
                self.settings.give_up,
                self.settings.gap,
                remembers,
            ):
                shown = dict(enumerate(taken)) | dict(zip(left, agents, strict=True))
                ended = sum(bool(steps.why) for steps in shown.values())
                found = self._traces(seeds, owners, list(shown.values()))
                yield Progress(ended, len(taken), "following", preview=found)
            for k, steps in zip(left, agents, strict=True):
                if steps.sure_length() > _MUCH * taken[k].sure_length() or not taken[k].points:
                    taken[k] = steps
            # One that came to an end is believed in that, whichever way is taken.
            left = [k for k, steps in zip(left, agents, strict=True) if steps.why == LOST]
        for k in left if self._may_go_on(len(seeds)) else ():
            for _ in range(_CHOICES):
                found = self._traces(seeds, owners, taken)
                yield Progress(len(taken) - 1, len(taken), LOOKING, preview=found)
                if not (yield from self._go_on(taken[k], widths[k])):
                    break
        seen = dict(zip(owners, widths, strict=True))
        for k in seen:
            yield from self._centre(
                [s for s, o in zip(taken, owners, strict=True) if o == k], seen[k]
            )
        found = self._traces(seeds, owners, taken)
        at_seed = dict.fromkeys(seen, 0)
        for k in (k for k in seen if owners.count(k) > 1):
            at_seed[k] = len(taken[len(owners) - 1 - owners[::-1].index(k)].points) - 1
        doubted = []
        for k, trace in enumerate(found):
            doubted.append(self.doubted(trace, seen[k], at_seed[k]))
            yield Progress(len(taken), len(taken), "following", preview=found)
        return doubted

    def _centre(self, ways: Sequence[Steps], width: float) -> Job[None]:
        """Draw two ways that begin at one seed to the middle of the fibre: it may lie beside it."""
        if len(ways) < 2:
            return
        one, other = ways
        n, m = (min(_ABOUT_SEED, len(way.points) - 1) for way in ways)
        start, end = (torch.from_numpy(w.points[k]) for w, k in ((other, m), (one, n)))
        count = round(float((end - start).norm()) / SPACING)
        if count < _ABOUT_SEED:
            return
        line = torch.lerp(start, end, torch.linspace(0, 1, count + 1)[:, None])
        points, unsure = yield from centred(self.tracker, line, width)
        one.points[: n + 1] = list(points.numpy())
        one.uncertainty[: n + 1] = unsure.tolist()
        del other.points[:m], other.uncertainty[:m]

    def doubted(self, trace: Trace, width: float, seed: int) -> Trace:
        """A trace that is doubtful all along where the image hardly shows it.

        And from where it may have changed over to another fibre, or run into a cell body.
        """
        points = self.points(trace)
        least = np.maximum(doubt_of_all(self.pixels, points, width), self._in_bodies(trace))
        changed, _ = changed_over(self.pixels, points, width, seed)
        unsure = 1 - (1 - np.maximum(trace.uncertainty, least)) * (1 - changed)
        return replace(trace, uncertainty=unsure)

    def _in_bodies(self, trace: Trace) -> NDArray[np.float64]:
        size = np.asarray(self.volume.voxel_size) / self.volume.voxel_size[-1]
        return doubt_in_bodies(self.volume, trace, size, self.settings.dark)

    def _may_go_on(self, seeds: int) -> bool:
        """Whether there is time to look for ways on where agents are lost."""
        # What is read anew for each agent would be read too often.
        return self.pixels.in_memory and (self.flat or seeds <= _PATIENT)

    def _go_on(self, lost: Steps, width: float) -> Job[bool]:
        """Let an agent go on where it was lost; False if it is not, or no way leads back to it."""
        if lost.why != LOST or len(lost.points) < 2:
            return False
        trail = torch.from_numpy(np.stack(lost.points))
        ways = yield from ways_on(self.tracker, trail, width)
        if not ways:
            ways = yield from ways_home(self.tracker, trail, width)
        if not ways:
            return False
        best = ways[0]
        del lost.points[best.begin + 1 :], lost.uncertainty[best.begin + 1 :]
        lost.uncertainty[-1] = max(lost.uncertainty[-1], _CHOSEN)
        lost.points += best.steps.points[1:]
        lost.uncertainty += best.steps.uncertainty[1:]
        trail = torch.from_numpy(np.stack(lost.points))
        (rest,) = yield from self.tracker.followed(
            LOOKING,
            trail[-1:],
            trail[-1:] - trail[-3:-2],
            torch.tensor([best.zoom * width]),
            self.settings.longest,
            self.settings.give_up,
            self.settings.gap,
        )
        lost.points += rest.points[1:]
        lost.uncertainty += rest.uncertainty[1:]
        lost.why = rest.why
        return True

    def ways(self, seed: Seed, width: float) -> list[torch.Tensor]:
        """The directions to follow a seed in, in isotropic px: its own, or both."""
        if seed.direction is not None:
            return [self.position(seed.direction)]
        return self.tracker.headings(self.position(seed.position), width)[0]

    def _traces(
        self, seeds: Sequence[Seed], owners: Sequence[int], taken: Sequence[Steps]
    ) -> list[Trace]:
        traces = []
        for k, seed in enumerate(seeds):
            parts = [s for s, owner in zip(taken, owners, strict=True) if owner == k]
            points = np.stack(parts[0].points)
            unsure = np.array(parts[0].uncertainty)
            if len(parts) > 1:
                points = np.concatenate([np.stack(parts[1].points)[:0:-1], points])
                unsure = np.concatenate([parts[1].uncertainty[:0:-1], unsure])
            why = " / ".join(part.why for part in reversed(parts))
            traces.append(Trace(seed.path, self.voxels(points), unsure, why=why))
        return traces

    def points(self, trace: Trace) -> NDArray[np.float64]:
        """The points ``(n, d)`` of a trace in isotropic px."""
        flat = int(self.flat)
        return np.asarray((trace.points * np.pad(self.spacing, (flat, 0)))[:, flat:])

    def voxels(self, points: NDArray[Any]) -> NDArray[np.float64]:
        """Positions in isotropic px as voxels ``(z, y, x)``."""
        voxels = points / np.asarray(self.spacing)
        return np.pad(voxels, ((0, 0), (1, 0))) if self.flat else voxels.astype(float)

    def require_fibre(self, seed: Seed) -> None:
        """Refuse a seed from which the model sees no fibre in any direction."""
        self.check(seed)
        if not self.sees_fibre(seed):
            raise InputError(
                f"The seed {seed.path} lies on no fibre that the model sees in "
                f"{self.volume.name}; move it onto one, say with --dark that fibres are darker "
                "than the ground, or choose another model."
            )

    def sees_fibre(self, seed: Seed) -> bool:
        """Whether the model sees a fibre in some direction from a seed, near or far."""
        place = self.position(seed.position)
        width = self.width(place)
        return any(self.tracker.headings(place, z * width)[1] <= _NO_FIBRE for z in ZOOMS)

    def check(self, seed: Seed) -> None:
        """Refuse a seed outside the image."""
        self.check_inside(seed.position, f"The seed {seed.path}", "correct its row")

    def check_inside(self, place: Sequence[float], what: str, way: str) -> None:
        """Refuse a voxel ``(z, y, x)`` outside the image; `what` it is, and the `way` out."""
        self.volume.check_depth(place[0], what)
        shape = self.volume.shape
        if not all(0 <= p <= n - 1 for p, n in zip(place, shape, strict=True)):
            where = ", ".join(f"{p:g}" for p in place)
            raise InputError(
                f"{what} at ({where}) lies outside {self.volume.name} of "
                f"{' x '.join(map(str, shape))} (z, y, x); {way}."
            )
