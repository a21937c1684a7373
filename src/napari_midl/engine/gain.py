"""What a training gained, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def gain_in_words(
    of: str, steps: int, rows: Iterable[tuple[str, str, str]], better: float, if_not: str = ""
) -> str:
    """Scores before and after a training, as rich text.

    Parameters
    ----------
    of : str
        What was scored.
    steps : int
        How long it was trained.
    rows : iterable of (str, str, str)
        The name of each score, what it was before and what it is after.
    better : float
        Above 0 if the model became better, below if it became worse.
    if_not : str
        What to do where it became neither.
    """
    table = "".join(
        f"<tr><td>{name}&nbsp;&nbsp;</td><td>{before}</td><td>&nbsp;→&nbsp;</td>"
        f"<td><b>{after}</b></td></tr>"
        for name, before, after in rows
    )
    verdict = (
        "better" if better > 0 else f"no better{if_not}" if better == 0 else "worse; Roll back"
    )
    return f"{of}, before → after {steps} steps: {verdict}.<table>{table}</table>"
