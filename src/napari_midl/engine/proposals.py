"""Where to paint next: the places where a model is least sure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.engine.scores import most_probable
from napari_midl.engine.uncertainty import entropy
from napari_midl.volumes.boxes import common, seen_from

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_midl.engine.annotation import Box, Shape
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.classes import Classes


@dataclass(frozen=True)
class Proposal:
    """A place worth painting next.

    Parameters
    ----------
    origin, shape : tuple of int
        The patch, in voxels.
    uncertainty : float
        Mean entropy of the prediction in it, from 0 (sure) to 1.
    reason : str
        Why it was chosen, for a person.
    """

    origin: Shape
    shape: Shape
    uncertainty: float
    reason: str

    @property
    def centre(self) -> Shape:
        """Its middle voxel."""
        return tuple(o + n // 2 for o, n in zip(self.origin, self.shape, strict=True))


def propose(
    shape: Shape,
    look: Callable[[Box], NDArray[np.float32]],
    classes: Classes,
    patches: Sequence[Patch],
    size: Shape,
    count: int = 3,
    seed: int = 0,
    candidates: int = 24,
) -> Job[list[Proposal]]:
    """Find the places where a model is least sure, away from what is painted.

    Parameters
    ----------
    shape : tuple of int
        Voxels of the image.
    look : callable
        Probabilities ``(K, ...)`` of the classes in a box of the image, read with whatever context
        the model needs; called in a thread of its own.
    classes : Classes
        The K classes.
    patches : sequence of Patch
        What is painted already; places that hold any of it are left out.
    size : tuple of int
        Voxels of a patch; cut to the image.
    count : int
        Proposals to make.
    seed : int
        Seed of the candidates' places.
    candidates : int
        Places to look at.

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
    extent = tuple(min(n, whole) for n, whole in zip(size, shape, strict=True))
    found: list[Proposal] = []
    for tried in range(candidates):
        place = rng.integers(0, [whole - n + 1 for whole, n in zip(shape, extent, strict=True)])
        origin = tuple(int(o) for o in place)
        step = Progress(tried, candidates, f"looking at place {tried + 1} of {candidates}")
        yield step
        box = tuple(slice(o, o + n) for o, n in zip(origin, extent, strict=True))
        if any(_says_something(patch, box) for patch in patches):
            continue
        probability = yield from wait_for(in_thread(partial(look, box)), step)
        bits = float(entropy(probability).mean())
        reason = _reason(probability, bits, classes)
        found.append(Proposal(origin, extent, bits / math.log2(len(classes)), reason))
    chosen: list[Proposal] = []
    for proposal in sorted(found, key=lambda p: -p.uncertainty):
        if not any(_overlap(proposal.origin, proposal.shape, c.origin, c.shape) for c in chosen):
            chosen.append(proposal)
    return chosen[:count]


def _reason(probability: NDArray[np.float32], bits: float, classes: Classes) -> str:
    """The entropy, and the class besides the background that most of the place is called."""
    called = most_probable(probability)
    shares = [float((called == index).mean()) for index in range(1, len(classes))]
    most = int(np.argmax(shares))
    return f"{bits:.2f} bits a voxel, {shares[most]:.0%} called {classes.names[1 + most]}"


def _says_something(patch: Patch, box: Box) -> bool:
    """Whether something is painted in a box."""
    both = common(box, patch.box)
    return both is not None and bool(np.asarray(patch.labels[seen_from(both, patch.origin)]).any())


def _overlap(a: Sequence[int], m: Sequence[int], b: Sequence[int], n: Sequence[int]) -> bool:
    return all(x < y + w and y < x + v for x, v, y, w in zip(a, m, b, n, strict=True))
