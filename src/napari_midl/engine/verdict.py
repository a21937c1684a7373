"""Whether a fine-tuned model may take the place of its start, in a word and in sentences."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from napari_midl.volumes.counting import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

NOISE = 0.01  # scores that differ by less are the same


class Verdict(StrEnum):
    """What a fine-tuning made of its start."""

    BETTER = "better"
    SAME = "no change"
    WORSE = "worse"
    NOTHING = "nothing better"  # at no look was it better than its start
    NOT_COMPARED = "not compared"  # from scratch, or nothing could be scored

    @property
    def is_start(self) -> bool:
        """Whether the weights are those of the start again."""
        return self in (Verdict.WORSE, Verdict.NOTHING)


class Basis(StrEnum):
    """What the voxels behind a score did besides."""

    UNSEEN = "unseen"  # nothing
    CHOSE = "chose"  # they chose the model
    LEARNT = "learnt"  # it learnt from them, and they chose it
    NONE = ""  # there were none


_BASES = {
    Basis.UNSEEN: "neither trained nor chose the model",
    Basis.CHOSE: "did not train the model; the score also chose the model, so it flatters a little",
    Basis.LEARNT: "the model also learnt from, so it flatters",
}
_VERDICTS = {
    Verdict.BETTER: "Better after {steps}.",
    Verdict.SAME: "No change after {steps}.",
    Verdict.WORSE: "Worse after {steps}: not taken, the model it began with stays.",
    Verdict.NOTHING: "Nothing better was found in {steps}: the model it began with stays.",
    Verdict.NOT_COMPARED: "Trained for {steps}.",
}


def verdict_of(gained: float | None) -> Verdict:
    """The verdict on a difference of scores, the higher the better; None where there is none."""
    if gained is None:
        return Verdict.NOT_COMPARED
    if abs(gained) <= NOISE:
        return Verdict.SAME
    return Verdict.BETTER if gained > 0 else Verdict.WORSE


def is_start_again(card: Mapping[str, Any]) -> bool:
    """Whether a model's card says that a fine-tuning left its start as it was."""
    return card.get("outcome") in [verdict.value for verdict in Verdict if verdict.is_start]


def verdict_in_words(results: Mapping[str, Any]) -> str:
    """The verdict as a sentence.

    Parameters
    ----------
    results : mapping
        Of a fine-tuning, as its record has them: ``steps``, ``verdict``, ``taken``, ``before`` and
        ``after``.
    """
    steps = results.get("steps", 0)
    verdict = Verdict(results.get("verdict", Verdict.NOT_COMPARED))
    said = _VERDICTS[verdict].format(steps=counted(steps, "step"))
    before, after = (results.get(when, {}).get("dice", 0.0) for when in ("before", "after"))
    if verdict is Verdict.SAME and before - after > NOISE:
        said = (
            f"No sure change after {counted(steps, 'step')}, since strokes disagree: judge by the "
            "picture."
        )
    if verdict is Verdict.SAME and not results.get("taken", True):
        said += " It scores a little lower, so the model it began with stays chosen."
    if results.get("finished"):
        more = counted(results["finished"], "step")
        said += f" Then the held-out strokes were learnt too, in {more}."
    return said


def basis_in_words(results: Mapping[str, Any], what: str = "strokes", more: str = "") -> str:
    """What the scores rest on, as a sentence; empty where nothing was scored.

    Parameters
    ----------
    results : mapping
        Of a fine-tuning, as its record has them: ``basis`` and ``counts``.
    what : str
        What it was scored on, in the plural.
    more : str
        What gives a score of what the model has not seen, such as ``paint more``.
    """
    basis = Basis(results.get("basis", ""))
    if basis is Basis.NONE:
        return ""
    counts = [
        f"{count:,} {name.removesuffix('s') if count == 1 else name}"
        for name, count in results.get("counts", {}).items()
    ]
    behind = f" ({', '.join(counts)})" if counts else ""
    then = f"; {more}" if more and basis is Basis.LEARNT else ""
    return f"Scored on {what}{behind} that {_BASES[basis]}{then}."
