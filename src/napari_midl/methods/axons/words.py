"""What the axons dock says about results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_midl.engine.gain import gain_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping


def gain(results: Mapping[str, Any]) -> str:
    """Scores on the traces kept aside before and after a training, as rich text."""
    before, after, steps = (results[name] for name in ("before", "after", "steps"))
    if not before or not after:
        return (
            f"{steps} steps. Too few traces are accepted to keep one aside, so that before "
            "cannot be held against after; accept three or more."
        )
    rows = [
        (name, form.format(before[key]), form.format(after[key]))
        for key, name, form in (
            ("coverage", "fibre covered", "{:.0%}"),
            ("error", "distance to it", "{:.2f} px"),
        )
    ]
    # What differs in digits that are not shown is no difference.
    more = round(after["coverage"], 2) - round(before["coverage"], 2)
    nearer = round(before["error"], 2) - round(after["error"], 2)
    return gain_in_words("Traces kept aside", steps, rows, more or nearer)


def what_is_learnt(accepted: int, long_enough: int) -> str:
    """Which traces a training takes."""
    traces = f"{accepted} accepted trace{'' if accepted == 1 else 's'}"
    short = accepted - long_enough
    left_out = f" ({short} too short to learn from)" if short else ""
    return f"{traces}{left_out}; from three on, one in four is kept aside to measure the gain."
