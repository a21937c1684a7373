"""Which painted blocks a training is scored on: some choose the model, others score it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_midl.engine.verdict import Basis

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import numpy as np

    Block = tuple[int, ...]

_MOST = 12
_FEWEST_TO_SPLIT = 6
_MOST_LEARNT = 6


@dataclass(frozen=True)
class HeldOut:
    """The blocks that are scored.

    Parameters
    ----------
    choosing : list of tuple of int
        Those that choose the model, looked at again and again.
    scoring : list of tuple of int
        Those that it is scored on.
    basis : Basis
        What the latter did besides.
    """

    choosing: list[Block] = field(default_factory=list)
    scoring: list[Block] = field(default_factory=list)
    basis: Basis = Basis.NONE

    @property
    def hidden(self) -> list[Block]:
        """The blocks that are not trained on."""
        if self.basis is Basis.LEARNT:
            return []
        return self.choosing + [block for block in self.scoring if block not in self.choosing]


def hold_out(
    painted: Mapping[tuple[Any, int], Collection[Block]], share: float, rng: np.random.Generator
) -> HeldOut:
    """Choose them, a share of those painted, so that of everything some is learnt.

    Only blocks in which two labels meet are held out: where all is alike, a score tells little.
    Of each label in each patch at least half of the blocks are left, and so its only one. Half of
    six or more choose the model and the others score it; fewer do both. Where none can be held
    out, some of those that are learnt from stand in.

    Parameters
    ----------
    painted : mapping of (patch, int) to collection of tuple of int
        The blocks in which a value is painted in a patch.
    share : float
        How many of the painted blocks to hold out.
    rng : numpy.random.Generator
        Draws them.
    """
    blocks = sorted(set().union(*painted.values()))
    values = {block: {v for (_, v), of in painted.items() if block in of} for block in blocks}
    mixed = [block for block in blocks if len(values[block]) > 1]
    count = min(round(share * len(blocks)), len(mixed) // 2, _MOST)
    left = {key: len(of) // 2 for key, of in painted.items()}
    chosen: list[Block] = []
    for place in rng.permutation(len(mixed)):
        keys = [key for key, of in painted.items() if mixed[place] in of]
        if len(chosen) < count and all(left[key] for key in keys):
            chosen.append(mixed[place])
            for key in keys:
                left[key] -= 1
    if len(chosen) >= _FEWEST_TO_SPLIT:
        half = len(chosen) // 2
        return HeldOut(chosen[:half], chosen[half:], Basis.UNSEEN)
    if chosen:
        return HeldOut(chosen, chosen, Basis.CHOSE)
    learnt = _of_each_value(blocks, values, rng)
    return HeldOut(learnt, learnt, Basis.LEARNT)


def _of_each_value(
    blocks: list[Block], values: Mapping[Block, set[int]], rng: np.random.Generator
) -> list[Block]:
    """A few blocks, first those with many values, so that each value is among them."""
    order = [blocks[i] for i in rng.permutation(len(blocks))]
    order.sort(key=lambda block: -len(values[block]))
    found: list[Block] = []
    seen: Counter[int] = Counter()
    for block in order:
        if any(seen[value] < _MOST_LEARNT // 2 for value in values[block]):
            found.append(block)
            seen.update(values[block])
    return found
