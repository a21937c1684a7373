"""Which traces leave together: some of a tree, without what they would hang from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_midl.volumes.traces import Trace


def on_their_own(traces: Sequence[Trace]) -> list[Trace]:
    """Traces without their links to others that are not among them."""
    names = {trace.path for trace in traces}
    ours = [trace.parent is None or trace.parent.path in names for trace in traces]
    return [t if own else replace(t, parent=None) for t, own in zip(traces, ours, strict=True)]


def accepted(traces: Sequence[Trace], path: Path) -> list[Trace]:
    """The accepted ones of the traces of a file.

    Raises
    ------
    InputError
        If there is none, or the file does not say which are.
    """
    if not any(trace.state for trace in traces):
        table = "" if path.suffix == ".csv" else ", or give the table (.csv) that was saved with it"
        raise InputError(
            f"{path} does not say which traces were accepted; leave out --accepted-only{table}."
        )
    found = [trace for trace in traces if trace.state == "accepted"]
    if not found:
        raise InputError(
            f"{path} has no accepted trace; accept some in the dock, or leave out --accepted-only."
        )
    return on_their_own(found)
