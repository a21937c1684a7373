"""What the axons dock says about results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_midl.engine.gain import gain_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

MORE = "accept three or more, so that one can be held out"


def gain(results: Mapping[str, Any]) -> str:
    """What a fine-tuning came to, as rich text."""
    shown = {"coverage": ("fibre covered", "{:.0%}"), "error": ("distance to it", "{:.2f} px")}
    return gain_in_words(results, shown, "traces", MORE)


def what_is_learnt(accepted: int, long_enough: int) -> str:
    """Which traces a training takes."""
    traces = f"{accepted} accepted trace{'' if accepted == 1 else 's'}"
    short = accepted - long_enough
    left_out = f" ({short} too short to learn from)" if short else ""
    return f"{traces}{left_out}; from three on, one in four is kept aside to measure the gain."
