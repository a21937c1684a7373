"""Joining traces, and asking how where they lie far apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.errors import InputError
from napari_midl.widgets.parts.dock_frame import torch_is_here
from napari_midl.widgets.tool.dialogs import ask_one_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_midl.methods.axons.edits import Tie
    from napari_midl.volumes.trace import Trace
    from napari_midl.widgets.axons.bench import AxonsBench
    from napari_midl.widgets.axons.tracer import Tracer
    from napari_midl.widgets.tool.section import ToolSection

_LEAVE, _LINES = "Leave apart", "Draw lines"
_FOLLOW, _STRAIGHT = "Follow the image", "Straight line"


class Joins:
    """The buttons that join traces.

    Parameters
    ----------
    section : ToolSection
        Whose buttons they are.
    tracer : Tracer
        Finds what lies between them.
    """

    def __init__(self, section: ToolSection[AxonsBench], tracer: Tracer) -> None:
        self._section, self._tracer = section, tracer
        self._bench = bench = section.bench
        self.pair = section.action(
            "Join",
            "Make one of the two selected traces, at their nearest ends",
            self._on_pair,
            lambda: bench.traces.can_join,
            bench.traced,
            bench.chosen,
        )
        self.all = section.action(
            "Join into one tree",
            "Join all traces, or the selected trees, where they come nearest to each other, along "
            "the image; the soma is the root, or else the longest. Undo takes it back at once",
            self._on_all,
            lambda: bench.idle and torch_is_here() and len(bench.entries) > 1,
            bench.traced,
        )

    def _on_pair(self) -> None:
        """Join what is near; ask how to join what is not."""
        bench, traces = self._bench, self._bench.traces
        try:
            tied = traces.to_join()
            answer = self._ask(tied) if tied.is_long else _STRAIGHT
            if answer == _STRAIGHT:
                bench.decide(lambda: traces.join(straight=True))
            elif answer == _FOLLOW:
                self._tracer.bridge(tied)
        except InputError as error:
            bench.report(error)

    def _on_all(self) -> None:
        try:
            self._tracer.join_all(self._ask_of_guesses)
        except InputError as error:
            self._bench.report(error)

    def _ask(self, tied: Tie) -> str | None:
        """How to join two traces that lie far apart."""
        names = " and ".join(entry.name for entry in self._bench.traces.selected)
        return ask_one_of(
            self._section,
            "Join",
            f"The ends of {names} are {self._bench.in_words(tied.gap)} apart. Follow the fibre "
            "between them, or draw a straight line, which is marked as doubtful?",
            (_FOLLOW, _STRAIGHT),
        )

    def _ask_of_guesses(self, guesses: Sequence[Trace]) -> bool | None:
        """Whether to draw long lines over what the image does not show."""
        size = self._bench.traces.voxel_size
        longest = max(bridge.length(size) for bridge in guesses) / size[-1]
        many = f"{len(guesses)} gaps are" if len(guesses) > 1 else "One gap is"
        answer = ask_one_of(
            self._section,
            "Join into one tree",
            f"{many} long, up to {self._bench.in_words(longest)}, and the image shows no fibre "
            "between. Draw straight lines there, which are marked as doubtful, or leave these "
            "apart?",
            (_LEAVE, _LINES),
        )
        return None if answer is None else answer == _LINES
