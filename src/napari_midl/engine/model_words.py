"""What a list of models says of each."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NAMES = {"dice": "Dice"}
# Where earlier versions kept the scores after a fine-tuning.
_BEFORE_SCORED = (("validation_after", "dice"), ("held_out_after", "coverage"))


def in_words(scored: tuple[str, float, str], path: Path, at_home: bool) -> str:
    """A model's name, score and date, or its time where that is today.

    Parameters
    ----------
    scored : tuple of str, float and str
        Its score, as of `score_of`.
    path : Path
        Its file.
    at_home : bool
        Whether it learnt from the image that is open; else its own is named.
    """
    score, value, image = scored
    learnt_on = "" if at_home or not image else f" (of {image})"
    told = f", {_NAMES.get(score, score)} {value:.2f}{'' if at_home else ' there'}" if score else ""
    made = ""
    with suppress(OSError):
        when = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
        today = when.date() == datetime.now().astimezone().date()
        made = f", {when:%H:%M}" if today else f", {when.day} {when:%b}"
    return f"{path.stem}{learnt_on}{told}{made}"


def score_of(card: Mapping[str, Any]) -> tuple[str, float, str]:
    """The score of a fine-tuned model, its value, and the image they are of; empty if unknown."""
    scored = card.get("scored")
    if isinstance(scored, dict) and isinstance(scored.get("value"), int | float):
        return str(scored.get("score", "")), float(scored["value"]), str(scored.get("image", ""))
    image = (
        str(card.get("name", "")).rpartition(", fine-tuned on ")[2] if card.get("parent") else ""
    )
    for when, name in _BEFORE_SCORED:
        value = (card.get("scores") or {}).get(when, {}).get(name)
        if isinstance(value, int | float):
            return name, float(value), image
    return "", 0.0, image
