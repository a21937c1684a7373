"""How well one class is found on painted blocks, how many voxels say so, and at which level."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_midl.engine.level import level_advice
from napari_midl.engine.scores import class_scores, most_probable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_midl.volumes.classes import Classes


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
    found: NDArray[np.float32],
    labels: NDArray[np.uint8],
    classes: Classes,
    blocks: int,
    of: str,
) -> PaintScore:
    """Score a class.

    Parameters
    ----------
    found : ndarray of float32, shape (M, K)
        Probabilities of the classes at painted voxels, such as `scores.at_blocks` gives.
    labels : ndarray of uint8, shape (M,)
        What is painted there.
    classes : Classes
        What the labels mean.
    blocks : int
        In how many blocks they lie.
    of : str
        Name of the class.
    """
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
        {"blocks": blocks, **voxels},
        level_advice(found[tells, index], true[tells], f"{of.capitalize()}s"),
    )
