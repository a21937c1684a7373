"""Where to paint next: the places where a model is least sure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.engine.uncertainty import entropy
from napari_midl.volumes.boxes import Region, box_of, common, corner_of, seen_from, size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_midl.engine.annotation import Shape
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.classes import Classes

_SLICES_APART = 8  # within which one sees the same structures


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
    look: Callable[[Region], NDArray[np.float32]],
    classes: Classes,
    patches: Sequence[Patch],
    size: Shape,
    count: int = 3,
    seed: int = 0,
    candidates: int = 24,
    enough: Callable[[], bool] = lambda: False,
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
    rng = np.random.default_rng(seed)
    extent = tuple(min(n, whole) for n, whole in zip(size, shape, strict=True))
    boxes: list[Region] = []
    for _ in range(candidates):
        place = rng.integers(0, [whole - n + 1 for whole, n in zip(shape, extent, strict=True)])
        boxes.append(tuple(slice(int(o), int(o) + n) for o, n in zip(place, extent, strict=True)))
    return (yield from least_sure(boxes, look, classes, patches, count, enough))


def least_sure(
    boxes: Sequence[Region],
    look: Callable[[Region], NDArray[np.float32]],
    classes: Classes,
    patches: Sequence[Patch],
    count: int,
    enough: Callable[[], bool] = lambda: False,
) -> Job[list[Proposal]]:
    """The places among some where a model is least sure; parameters as for `propose`."""
    found: list[Proposal] = []
    for tried, box in enumerate(boxes):
        step = Progress(tried, len(boxes), f"looking at place {tried + 1} of {len(boxes)}")
        yield step
        if found and enough():
            break
        if any(_says_something(patch, box) for patch in patches):
            continue
        probability = yield from wait_for(in_thread(partial(look, box)), step)
        unsure = float(entropy(probability).mean()) / math.log2(len(classes))
        found.append(
            Proposal(corner_of(box), size_of(box), unsure, _reason(probability, unsure, classes))
        )
    return _spread(sorted(found, key=lambda p: -p.uncertainty), count)


def _spread(places: Sequence[Proposal], count: int) -> list[Proposal]:
    """The first places that do not overlap, rather ones that are not the same some slices on."""
    chosen: list[Proposal] = []
    for slices in (_SLICES_APART, 0):
        for place in places:
            if len(chosen) < count and not any(_meet(place, other, slices) for other in chosen):
                chosen.append(place)
    return sorted(chosen, key=lambda p: -p.uncertainty)


def _meet(place: Proposal, other: Proposal, slices: int) -> bool:
    """Whether two places overlap, or lie on each other so many slices apart."""
    reach = [slices if n == 1 else 0 for n in place.shape]
    start = [o - r for o, r in zip(place.origin, reach, strict=True)]
    size = [n + 2 * r for n, r in zip(place.shape, reach, strict=True)]
    return common(box_of(start, size), box_of(other.origin, other.shape)) is not None


def how_unsure(uncertainty: float) -> str:
    """An uncertainty from 0 to 1 in a word or two."""
    degrees = ((0.5, "very unsure"), (0.15, "unsure"), (0.02, "a little unsure"))
    return next((words for least, words in degrees if uncertainty >= least), "nearly sure")


def is_painted(proposal: Proposal, patches: Sequence[Patch]) -> bool:
    """Whether something is painted at a place."""
    box = box_of(proposal.origin, proposal.shape)
    return any(_says_something(patch, box) for patch in patches)


def _reason(probability: NDArray[np.float32], unsure: float, classes: Classes) -> str:
    """How unsure, and of which class besides the background, which most of the place may be."""
    most = int(np.argmax([float(one.mean()) for one in probability[1:]]))
    return f"{how_unsure(unsure)} whether this is {classes.names[1 + most]}"


def _says_something(patch: Patch, box: Region) -> bool:
    """Whether something is painted in a box."""
    both = common(box, patch.box)
    return both is not None and bool(np.asarray(patch.labels[seen_from(both, patch.origin)]).any())
