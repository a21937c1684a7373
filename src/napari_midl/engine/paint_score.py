"""How well one class is found on painted blocks, how many voxels say so, and at which level."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_midl.engine.level import level_advice
from napari_midl.engine.scores import at_blocks, class_scores, most_probable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_midl.engine.annotation import PaintedVolume
    from napari_midl.engine.holding_out import Block
    from napari_midl.engine.scores import Probability


@dataclass(frozen=True)
class PaintScore:
    """A score of one class, and what it rests on.

    Parameters
    ----------
    scores : dict of str to float
        ``dice``, ``precision`` and ``recall`` at a probability of a half; empty where none of the
        class is painted.
    counts : dict of str to int
        What is behind it, in words: ``blocks``, and ``voxels of`` each class.
    advice : str
        A sentence on the threshold, where another fits better.
    """

    scores: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    advice: str = ""


def paint_score(
    probability: Probability, painted: PaintedVolume, blocks: Sequence[Block], of: str
) -> PaintScore:
    """Score a class.

    Parameters
    ----------
    probability : callable
        As for `scores.at_blocks`.
    painted : PaintedVolume
        What was painted.
    blocks : sequence of tuple of int
        Where, such as `HeldOut.scoring`.
    of : str
        Name of the class.
    """
    found, labels = at_blocks(probability, painted, blocks)
    classes = painted.classes
    score = class_scores(most_probable(found, axis=1), labels, classes).get(of)
    if score is None:
        return PaintScore()
    voxels = {
        f"voxels of {name}": int((labels == classes.value(name)).sum())
        for name in reversed(classes.names)
    }
    index = classes.names.index(of)
    true = labels == classes.value(of)
    tells = true | ~classes.allowed(labels)[..., index]
    return PaintScore(
        {"dice": score.dice, "precision": score.precision, "recall": score.recall},
        {"blocks": len(blocks), **voxels},
        level_advice(found[tells, index], true[tells], f"{of.capitalize()}s"),
    )
