"""What the axons dock says about results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_midl.engine.gain import gain_in_words
from napari_midl.volumes.counting import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_midl.volumes.traces import Trace

# Why a trace is empty; where its seed lies on another one, the name of that follows.
NO_FIBRE, FAINT, ON = "no fibre", "too faint", "on "
# Why one ends that goes on from something.
MET = "met another"
# Why a bridge is as it is: seen in the image, a short line, or a long one over nothing.
ALONG, LINE, GUESS = "along the image", "straight", "straight and long"
_OVER_NOTHING = ", where the image shows no fibre"

# What to say where nobody but the person who clicked sees a fibre.
ON_NOTHING = (
    "The tracker sees no fibre there: the trace goes as far as your click, and is doubtful there. "
    "Undo takes it back."
)
NO_SIZE = (
    "How large this cell body is cannot be told: its circle is only a mark, and an SWC file says "
    "one pixel. Undo and click nearer to its middle, or type in the voxel size first where slices "
    "lie further apart than pixels."
)
MORE = "accept three or more, so that one can be held out"


@dataclass(frozen=True)
class Counts:
    """What came of the seeds of a batch.

    Parameters
    ----------
    seeds, traces : int
        How many there were, and traces found.
    traced : int
        Seeds on fibres that another trace follows.
    no_fibre : int
        Seeds on no fibre.
    faint : int
        Seeds whose trace hardly stands out from the noise.
    """

    seeds: int
    traces: int
    traced: int
    no_fibre: int
    faint: int

    @classmethod
    def of(cls, found: Sequence[Trace], seeds: int) -> Counts:
        """Count traces; an empty one says by ``why`` what became of its seed."""
        empty = [trace.why for trace in found if not len(trace.points)]
        missed, faint = empty.count(NO_FIBRE), empty.count(FAINT)
        traced = len(empty) - missed - faint
        return cls(seeds, len(found) - len(empty), traced, missed, faint)


def of_seeds(counts: Counts, given: bool = True, clicked: bool = False) -> str:
    """What came of seeds that a person gave, maybe by clicks, or that were found in the image."""
    if not counts.seeds:
        return "Nothing stands out from the noise as a fibre does."
    made = counted(counts.traces, "trace" if given else "new trace")
    parts = [f"{counted(counts.seeds, 'click' if clicked else 'seed')}: {made}" if given else made]
    # Several of the places that were found lie on one fibre, which says nothing of it.
    if counts.traced and (given or not counts.traces):
        lie = "lies on a fibre" if counts.traced == 1 else "lie on fibres"
        parts.append(f"{counts.traced} {lie} traced already")
    if counts.no_fibre:
        parts.append(f"{counts.no_fibre} on no fibre")
    if counts.faint:
        parts.append(f"{counts.faint} too faint to tell from noise")
    said = ", ".join(parts)
    return said if given else f"{said}; {counted(counts.seeds, 'place')} looked at"


def of_stopped(traces: int, seeds: int) -> str:
    """What is left of a batch that was cancelled after some of its seeds."""
    if not traces and seeds:
        first = "place" if seeds == 1 else f"{seeds} places"
        return f"Cancelled: no new trace at the first {first}."
    if not traces:
        return "Cancelled before a trace was whole: nothing is kept."
    return f"Cancelled: {counted(traces, 'trace')} kept, of the first {counted(seeds, 'seed')}."


def of_beside(far: Mapping[str, str]) -> str:
    """What to say of traces that run so far from where a person clicked, by their names."""
    traces = ", ".join(f"{name} runs {away} from your click" for name, away in far.items())
    return f"{traces}, on the nearest fibre that stands out. Undo takes it back."


def of_parted(names: Sequence[str]) -> str:
    """What became of traces that grew from a part that is gone."""
    one = len(names) == 1
    return (
        f"{', '.join(names)} grew from the part that is gone: "
        f"{'it is a tree of its own' if one else 'they are trees of their own'} now. "
        f"Join into one tree ties {'it' if one else 'them'} to what is nearest, and Undo gives all "
        "back."
    )


def of_again(names: Sequence[str]) -> str:
    """Which traces were accepted and, changed as they are, have to be so again."""
    return f"Changed, so proposed again: {', '.join(names)}."


def of_bridges(bridges: Sequence[Trace], left: int, again: Sequence[str] = ()) -> str:
    """What came of joining traces into one tree, of which some gaps were left open.

    `again` are the traces that were accepted and, changed as they are, have to be so again.
    """
    if not bridges:
        return f"Nothing was joined; {counted(left, 'gap')} left open{_OVER_NOTHING}."
    lines = sum(bridge.why != ALONG for bridge in bridges)
    along, count = len(bridges) - lines, f"{counted(len(bridges), 'gap')} closed"
    straight = f"by {'a straight line' if lines == 1 else 'straight lines'}"
    if along and lines:
        closed = f"{count}, {along} along the image and {lines} {straight}"
    else:
        closed = f"{count} {straight if lines else 'along the image'}"
    more = f"; {left} left open{_OVER_NOTHING}" if left else ""
    changed = f" {of_again(again)}" if again else ""
    return f"{closed}{more}. Next doubtful place shows where.{changed}"


def of_accepting(accepted: int, doubtful: int, untold: int = 0) -> str:
    """What came of accepting all traces that are sure, where others are left."""
    done = f"{counted(accepted, 'trace')} accepted"
    if not doubtful and not untold:
        return f"{done}; none is left."
    have = "has a doubtful place" if doubtful == 1 else "have doubtful places"
    left = f"; {doubtful} {have} left. Next doubtful place shows them." if doubtful else "."
    yourself = f" Look yourself at {of_untold(untold)}." if untold else ""
    return f"{done}{left}{yourself}"


def of_untold(count: int) -> str:
    """How many traces there are of which it is not told, in part at least, how unsure they are."""
    return f"{counted(count, 'trace')} with no doubt told"


def of_places(doubtful: int, listed: int, untold: int) -> str:
    """How many doubtful places there are, the worst of which are listed; empty where none is.

    And how many traces may have others, since it is not told of them.
    """
    more = f", the worst {listed} are listed" if doubtful > listed else ""
    left = [f"{doubtful} to look at{more}"] if doubtful else []
    return "; ".join([*left, *([of_untold(untold)] if untold else [])])


def states_in_words(accepted: Sequence[bool]) -> str:
    """How many traces there are, and how many of them nobody has accepted."""
    count, open_ = len(accepted), len(accepted) - sum(accepted)
    if not open_:
        return counted(count, "accepted trace")
    more = f", {open_} of them not accepted" if open_ < count else " that nobody has accepted"
    return f"{counted(count, 'trace')}{more}"


def gain(results: Mapping[str, Any]) -> str:
    """What a fine-tuning came to, as rich text."""
    shown = {"coverage": ("fibre covered", "{:.0%}"), "error": ("distance to it", "{:.2f} px")}
    return gain_in_words(results, shown, "traces", MORE)


def what_is_learnt(accepted: int, long_enough: int) -> str:
    """Which traces a training takes."""
    traces = counted(accepted, "accepted trace")
    short = accepted - long_enough
    left_out = f" ({short} too short to learn from)" if short else ""
    return f"{traces}{left_out}; from three on, one in four is kept aside to measure the gain."
