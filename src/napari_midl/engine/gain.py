"""What a training gained, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_midl.engine.verdict import basis_in_words, verdict_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping


def gain_in_words(
    results: Mapping[str, Any],
    shown: Mapping[str, tuple[str, str]],
    what: str = "strokes",
    more: str = "",
) -> str:
    """What a fine-tuning came to, as rich text: the verdict, the scores, what they rest on.

    Parameters
    ----------
    results : mapping
        Those of its record.
    shown : mapping of str to (str, str)
        For each score that is shown its name for a person and its format.
    what, more : str
        As for `basis_in_words`.
    """
    before, after = results.get("before", {}), results.get("after", {})
    compared = before if before != after else {}
    rows = []
    for key, (name, form) in shown.items():
        if key in after:
            was = f"{form.format(compared[key])}&nbsp;→&nbsp;" if key in compared else ""
            now = f"{was}<b>{form.format(after[key])}</b>"
            rows.append(f"<tr><td>{name}&nbsp;&nbsp;</td><td>{now}</td></tr>")
    table = f"<table>{''.join(rows)}</table>" if rows else ""
    advice = results.get("advice", "")
    said = f"<b>{verdict_in_words(results)}</b>{table}{basis_in_words(results, what, more)}"
    return f"{said}<br><b>{advice}</b>" if advice else said
