"""Jobs that train a tracker: `train` on synthetic fibres, `finetune` on accepted traces.

The paper learns by reinforcement alone. Here the agent first imitates a perfect tracker;
proximal policy optimisation may go on from there.
"""

from __future__ import annotations

import copy
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.engine.devices import pick_device
from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.engine.models import Model
from napari_midl.engine.pretraining import made_by
from napari_midl.engine.trained import Finetuned
from napari_midl.engine.training import Schedule
from napari_midl.engine.training import train as fit
from napari_midl.engine.verdict import NOISE, Basis
from napari_midl.errors import InputError
from napari_midl.methods.axons import ppo
from napari_midl.methods.axons.calibration import calibrate
from napari_midl.methods.axons.environment import TrackingEnvironment
from napari_midl.methods.axons.imitation import Demonstrations, Imitation
from napari_midl.methods.axons.models import scratch
from napari_midl.methods.axons.network import Actor
from napari_midl.methods.axons.overlaps import same_fibres
from napari_midl.methods.axons.painting import SPACING
from napari_midl.methods.axons.pixels import scaling_of
from napari_midl.methods.axons.score import score
from napari_midl.methods.axons.settings import SHORTEST_LESSON, TraceSettings
from napari_midl.methods.axons.synthetic import SIZE, Scene, synthetic_scene
from napari_midl.methods.axons.tracing import Tracing
from napari_midl.volumes.traces import Seed, check_inside, resample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from napari_midl.engine.checkpoints import Checkpoint
    from napari_midl.methods.axons.settings import FinetuneSettings, TrainSettings
    from napari_midl.volumes.scaling import Scaling
    from napari_midl.volumes.traces import Trace
    from napari_midl.volumes.volume import Volume

IMAGES = 32
EPISODE = 60  # steps; most of what there is to earn on a fibre
_ASTRAY, _ELSEWHERE, _FORGETFUL = 0.15, 0.1, 0.2
_MOST_SCORED = 3  # of the traces that are learnt from


def train(
    settings: TrainSettings,
    checkpoint: Checkpoint | None = None,
    *,
    exactly: int | None = None,
) -> Job[Model]:
    """Train a tracker on synthetic fibres alone.

    Parameters
    ----------
    settings : TrainSettings
        The agent, the images, how long.
    checkpoint : Checkpoint, optional
        Where the state is kept, and from where a stopped training goes on.
    exactly : int, optional
        Imitate for this many steps, whatever the settings say.

    Yields
    ------
    Progress
        With ``loss`` after each step of imitation, later ``return`` after each batch of episodes.

    Returns
    -------
    Model
        Returned by the generator.
    """
    model = scratch(settings.preset, settings.seed)
    actor = model.network
    assert isinstance(actor, Actor)

    draw = partial(synthetic_scene, settings.images)
    device = pick_device(settings.device)
    with _pool(settings.processes) as mapped:
        environment = TrackingEnvironment(
            draw, actor.design, IMAGES, settings.agents, _ASTRAY, _ELSEWHERE, _FORGETFUL, mapped
        )
        demonstrations = Demonstrations(environment, actor.train())
        trained = yield from fit(
            Imitation(demonstrations, settings.learning_rate, settings.half_life, average=0.998),
            Schedule.of(settings, evaluate_every=200, exactly=exactly),
            device=device,
            checkpoint=checkpoint,
        )
    actor = trained.network
    assert isinstance(actor, Actor)
    if settings.reinforce:
        environment = TrackingEnvironment(draw, actor.design, IMAGES, 1)
        yield from fit(
            ppo.Reinforcement(actor, environment, settings.reinforce_rate, settings.seed, EPISODE),
            Schedule(0, seed=settings.seed, evaluate_every=1, exactly=settings.reinforce),
            device=device,
            checkpoint=checkpoint and checkpoint.stage("reinforcement", imitated=trained.steps),
        )
    actor = actor.cpu().eval()
    calibration = [1.0, 0.0]
    if actor.design.frame == "heading":
        calibration = yield from wait_for(
            in_thread(lambda: calibrate(actor, draw)),
            Progress(1, 1, "calibrating the uncertainty"),
        )
    card = {
        **model.card,
        "name": f"{settings.preset} tracker",
        **made_by(settings, trained.steps),
        "training_data": [f"synthetic fibres ({settings.images})"],
        "calibration": calibration,
    }
    return Model(actor, card)


@contextmanager
def _pool(processes: int) -> Iterator[Callable[..., Iterable[Scene]]]:
    """The `map` of so many processes, or of this one."""
    if not processes:
        yield map
        return
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        yield pool.map


def finetune(
    volume: Volume,
    traces: Sequence[Trace],
    model: Model,
    settings: FinetuneSettings,
    *,
    checkpoint: Checkpoint | None = None,
    exactly: int | None = None,
) -> Job[Finetuned]:
    """Adapt a tracker to an image by traces that a person accepted or corrected.

    Parameters
    ----------
    volume : Volume
        Image with axes ``Z Y X``; a stack is learnt from in the planes of its traces.
    traces : sequence of Trace
        Whole fibres, in voxels; those too short to learn from are left out.
    model : Model
        Where to start from; it is left as it is.
    settings : FinetuneSettings
        How long, how fast.
    checkpoint : Checkpoint, optional
        Where the state is kept, and from where a stopped training goes on.
    exactly : int, optional
        Take this many steps, whatever the settings say.

    Returns
    -------
    Finetuned
        Returned by the generator. Its scores are ``coverage`` and ``error`` (px) on the traces
        held out, or on some that it learnt from where none could be.

    Raises
    ------
    InputError
        If there is no trace long enough to learn from, or it lies outside the image.
    """
    yield Progress(0, 0, "reading the traces")
    traces = _long_enough(volume, traces)
    rng = np.random.default_rng(settings.seed)
    held_out, lesson_traces = _held_out(volume, traces, settings.held_out, rng)
    actor = copy.deepcopy(model.network)
    assert isinstance(actor, Actor)

    def draw(rng: np.random.Generator) -> Scene:
        if rng.random() < settings.synthetic:
            return synthetic_scene("rich", rng)
        item = lesson_traces[rng.integers(len(lesson_traces))]
        return _crop(volume, scaling, item, rng)

    scaling = scaling_of(volume, settings.dark)
    scored_on = held_out or lesson_traces[:_MOST_SCORED]
    known = bool(model.card.get("steps", 0))
    before = (yield from _scores(volume, scored_on, model, settings)) if known else {}
    environment = TrackingEnvironment(draw, actor.design, 16, 8, _ASTRAY, _ELSEWHERE, _FORGETFUL)
    demonstrations = Demonstrations(environment, actor.train(), confident=True)
    trained = yield from fit(
        Imitation(demonstrations, settings.learning_rate, settings.half_life),
        Schedule.of(settings, exactly=exactly),
        device=pick_device(settings.device),
        checkpoint=checkpoint,
    )
    tuned = model.tuned(trained.network, "traces", volume.name, trained.steps, seed=settings.seed)
    after = yield from _scores(volume, scored_on, tuned, settings)
    tuned.card["scores"] = {"held_out_before": before, "held_out_after": after}
    return Finetuned.judged(
        model,
        tuned,
        gained=_gained(before, after) if before else None,
        before=before,
        after=after,
        image=volume.name,
        headline="coverage",
        steps=trained.steps,
        history=trained.history,
        basis=Basis.UNSEEN if held_out else Basis.LEARNT,
        counts={"traces": len(scored_on)},
    )


def _held_out(
    volume: Volume, traces: Sequence[Trace], share: float, rng: np.random.Generator
) -> tuple[list[Trace], list[Trace]]:
    """A share of the traces to be scored on, and the others, which share no fibre with them."""
    z, y, x = volume.voxel_size
    fibres = same_fibres(traces, (z / x, y / x, 1.0))
    wanted = round(share * len(traces))
    held_out: list[Trace] = []
    taught: list[Trace] = []
    for k in rng.permutation(len(fibres)):
        fits = len(held_out) + len(fibres[k]) <= wanted
        (held_out if fits else taught).extend(traces[i] for i in fibres[k])
    return held_out, taught


def _gained(before: dict[str, float], after: dict[str, float]) -> float:
    """The fibre covered more or, where that is as much, the tenths of pixels that it is nearer."""
    more = after["coverage"] - before["coverage"]
    if abs(more) > NOISE or "error" not in before or "error" not in after:
        return more
    return (before["error"] - after["error"]) / 10


def _long_enough(volume: Volume, traces: Sequence[Trace]) -> list[Trace]:
    """The traces to learn from: between its branches a traced tree has short ones too."""
    if not traces:
        raise InputError("There is no trace to learn from; accept at least one.")
    check_inside(traces, volume.shape, volume.name)
    found = [item for item in traces if item.length((0, 1, 1)) >= SHORTEST_LESSON]
    if not found:
        raise InputError(
            f"All traces are shorter than {SHORTEST_LESSON:g} pixels between their branches and "
            "ends; give longer ones."
        )
    return found


def _crop(volume: Volume, scaling: Scaling, item: Trace, rng: np.random.Generator) -> Scene:
    """A square of the image about a place on a trace, and the part of the trace in it."""
    line = resample(item.points, SPACING)
    centre = line[rng.integers(len(line))]
    _, height, width = volume.shape
    size = min(SIZE, height, width)
    y, x = (
        int(np.clip(c - size / 2 + rng.integers(-size // 4, size // 4 + 1), 0, n - size))
        for c, n in zip(centre[1:], (height, width), strict=True)
    )
    z = int(np.clip(round(centre[0]), 0, volume.shape[0] - 1))
    plane = scaling(np.asarray(volume.data[z, y : y + size, x : x + size]))
    local = line[:, 1:] - (y, x)
    inside = np.all((local >= 0) & (local <= size - 1), axis=1)
    inside &= np.abs(line[:, 0] - z) <= 1.5
    middle = int(np.argmin(np.abs(line - centre).sum(1)))
    outside = np.flatnonzero(~inside)
    first = outside[outside < middle].max(initial=-1) + 1
    last = outside[outside > middle].min(initial=len(line))
    padded = np.zeros((SIZE, SIZE), np.float32)
    padded[:size, :size] = plane
    # There may be fibres that nobody traced.
    return Scene(padded, local[first : max(last, first + 2)], np.zeros(padded.shape, bool))


def _scores(
    volume: Volume, traces: Sequence[Trace], model: Model, settings: FinetuneSettings
) -> Job[dict[str, float]]:
    """Mean coverage and, where any is covered, error of tracing each from its first point on."""
    how = TraceSettings(dark=settings.dark)
    seeds = []
    for k, item in enumerate(traces):
        way = item.points[min(10, len(item.points) - 1)] - item.points[0]
        seeds.append(Seed(str(k), tuple(item.points[0]), tuple(way)))
    found = yield from Tracing(volume, model, how).follow(seeds)
    z, y, x = volume.voxel_size
    size = np.array([z / x, y / x, 1.0])
    scores = [score(f.points * size, t.points * size) for f, t in zip(found, traces, strict=True)]
    errors = [s.error for s in scores if np.isfinite(s.error)]
    coverage = {"coverage": float(np.mean([s.coverage for s in scores]))}
    return coverage | ({"error": float(np.mean(errors))} if errors else {})
