"""The traces of an image in a person's hands: decisions, undo, and which are selected."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_midl.errors import InputError
from napari_midl.methods.axons.edits import (
    LongBridge,
    Tie,
    cut,
    goes_on,
    joined,
    nearest,
    tie,
)
from napari_midl.methods.axons.entries import Entry
from napari_midl.methods.axons.entry_list import EntryList, numbered
from napari_midl.methods.axons.hanging import UNSEEN, hung_anew
from napari_midl.methods.axons.joining import one_tree
from napari_midl.methods.axons.somata import grown_from, made_soma
from napari_midl.methods.axons.trees import point_at, root_of, rooted
from napari_midl.volumes.trace import Link

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from napari_midl.methods.axons.requests import TraceRequest
    from napari_midl.volumes.traces import Trace

    Place = tuple[float, float, float]


class TraceList(EntryList):
    """Traces, each a proposal until it is accepted, and what a person decides about them."""

    def add(self, traces: Iterable[Trace], accepted: bool = False) -> None:
        """Add traces and select the last; one whose name is taken gets another."""
        new = [Entry(trace, accepted) for trace in self._named(traces)]
        if new:
            self.write((*self.entries, *new), new[-1:])

    def add_found(self, traces: Iterable[Trace]) -> None:
        """Add traces of this image; what begins or ends in a soma grows from that."""
        new = [Entry(trace) for trace in self._named(traces)]
        if new:
            self._write_found((*self.entries, *new), new)

    def _named(self, traces: Iterable[Trace]) -> list[Trace]:
        """Traces under names that are free."""
        traces = list(traces)
        taken = {entry.name for entry in self.entries}
        free = iter(self.free_names(len(traces), (trace.path for trace in traces)))
        names = {t.path: next(free) if t.path in taken else t.path for t in traces}
        return [_renamed(trace, names) for trace in traces]

    def _write_found(self, entries: Sequence[Entry], new: Sequence[Entry]) -> None:
        """Write what some new ones came to; those that come into a soma grow from it."""
        linked = self._linked(entries)
        known, names = tuple(linked.values()), {entry.name for entry in new}
        for soma in [entry for entry in known if entry.trace.is_soma]:
            place = known.index(soma)
            others = (*known[:place], *known[place + 1 :])
            traces = [entry.trace for entry in others]
            grown = self._entries_of(
                others, grown_from(traces, soma.trace, self.voxel_size, ends_of=names)
            )
            known = (*grown[:place], soma, *grown[place:])
        self.write(known, [e for e in known if e.name == linked[new[-1]].name], known)

    def enter(self, requests: Sequence[TraceRequest], found: Sequence[Trace]) -> list[TraceRequest]:
        """Put what was found into the list, as one decision.

        Parameters
        ----------
        requests : sequence of TraceRequest
            What was wanted.
        found : sequence of Trace
            What came of the first of them, in their order; empty where there is no fibre.

        Returns
        -------
        list of TraceRequest
            Those for which there is no fibre.
        """
        entries, new, missed = list(self.entries), [], []
        pairs = [(r, trace, r.whole(trace)) for r, trace in zip(requests, found, strict=False)]
        wholes = {whole.path: whole for *_, whole in pairs}
        for request, trace, whole in pairs:
            if request.head is None:
                whole = _grown_again(whole, wholes)
            if len(trace.points) == 0 or len(whole.points) < 2:
                missed.append(request)
                continue
            if request.instead_of in entries:
                entries, made = self._instead(entries, request.instead_of, whole)
            else:
                # Of one that was changed meanwhile the other keeps the name.
                taken = {entry.name for entry in entries}
                if whole.path in taken:
                    (name,) = self.free_names(1, {*taken, *wholes})
                    whole = replace(whole, path=name)
                made = Entry(whole)
                entries.append(made)
            new.append(made)
        if new:
            self._write_found(entries, new)
        return missed

    def _instead(
        self, entries: Sequence[Entry], old: Entry, trace: Trace
    ) -> tuple[list[Entry], Entry]:
        """Entries with a proposal in the place of one, and that; what grew from it is hung on it.

        What is tied anew by a way that nobody has seen is a proposal, too.
        """
        hung = hung_anew([e.trace for e in entries], old.trace, trace, self.voxel_size)
        now = [
            e
            if e.trace is t
            else replace(e, trace=t, accepted=e.accepted and not t.uncertainty[0] >= UNSEEN)
            for e, t in zip(entries, hung, strict=True)
        ]
        k = list(entries).index(old)
        now[k] = Entry(hung[k])
        return now, now[k]

    def take_other_way(self, old: Entry, other: Trace) -> None:
        """Put a trace that goes on otherwise in the place of one, still to be accepted."""
        entries, new = self._instead(self.entries, old, other)
        self._write_found(entries, [new])

    def accept(self, entries: Iterable[Entry] | None = None) -> None:
        """Some traces are right, those that are selected if not given; the selection stays."""
        right = self.selected if entries is None else entries
        new = {e: replace(e, accepted=True) for e in right if not e.accepted}
        chosen = [new.get(e, e) for e in self.selected]
        self.write((new.get(e, e) for e in self.entries), chosen)

    def change(self, traces: Mapping[str, Trace], select: str) -> None:
        """Put other traces in the place of those of the same names, and select one."""
        new = [replace(e, trace=traces[e.name]) if e.name in traces else e for e in self.entries]
        self.write(new, [entry for entry in new if entry.name == select])

    def reject(self) -> None:
        """Delete the selected traces."""
        gone = set(self.selected)
        self.write(entry for entry in self.entries if entry not in gone)

    def to_join(self) -> Tie:
        """How the two selected traces would be joined, and how far apart their ends are.

        Raises
        ------
        InputError
            If they are parts of one tree.
        """
        return self._tied()[1]

    def join(self, straight: bool = False, bridge: Trace | None = None) -> None:
        """Make one of the two selected traces, at their nearest ends.

        Parameters
        ----------
        straight : bool
            Tie them by a line of which nothing is sure, however long it is.
        bridge : Trace, optional
            What lies between the voxels that `to_join` names, in either direction.

        Raises
        ------
        LongBridge
            If the ends lie far apart, and neither is given.
        InputError
            If they are parts of one tree.
        """
        entries, tied = self._tied()
        one, other = (e for s in self.selected for e in entries if e.name == s.name)
        if tied.is_long and not straight and bridge is None:
            raise LongBridge(
                f"The ends of {one.name} and {other.name} lie {tied.gap:.0f} px apart, too far for "
                "a straight line; draw what lies between with From – to, and join the three."
            )
        trace = joined(one.trace, other.trace, self.voxel_size, bridge)
        # Nobody has seen yet what lies between.
        new = Entry(trace, one.accepted and other.accepted and not tied.is_long)
        self.write((new if e is one else e for e in entries if e is not other), [new], entries)

    def to_join_all(self) -> list[Trace]:
        """The traces of the selected trees, or of all where not several are selected.

        Raises
        ------
        InputError
            If they are one tree already.
        """
        traces = {entry.name: entry.trace for entry in self.entries}
        roots = {entry.name: root_of(entry.name, traces) for entry in self.entries}
        chosen = {roots[entry.name] for entry in self.selected}
        if len(chosen) < 2:
            chosen = set(roots.values())
        if len(chosen) < 2:
            raise InputError("There is nothing to join: all traces are one tree already.")
        return [traces[name] for name, root in roots.items() if root in chosen]

    def join_all(self, bridges: Sequence[Trace]) -> None:
        """Tie trees by bridges between points of their traces, as one decision.

        Raises
        ------
        InputError
            If a trace is not where a bridge ends any more.
        """
        known = [entry.trace for entry in self.entries]
        # Nobody has seen yet what lies between.
        starts = {tuple(place) for bridge in bridges for place in bridge.points[:2].tolist()}
        entries = [
            replace(entry, accepted=False)
            if tuple(entry.trace.points[0].tolist()) in starts and entry.trace.parent
            else entry
            for entry in self._entries_of(self.entries, one_tree(known, bridges))
        ]
        self.write(entries, before=entries)

    def split(self, entry: Entry, index: int) -> None:
        """Make two traces of one at one of its points, the second with a tree of its own.

        Raises
        ------
        InputError
            If the point is an end.
        """
        points = len(entry.trace.points)
        if not 0 < index < points - 1:
            raise InputError("That is the end of the trace; choose a point between its ends.")
        (name,) = self.free_names(1)
        first = replace(entry, trace=entry.trace.part(slice(index), why="cut"))
        rest = entry.trace.part(slice(index, None), path=name, parent=None)
        parts = [first, replace(entry, trace=rest)]
        after = (new for e in self.entries for new in (parts if e is entry else [e]))
        self.write(after, parts[1:])

    def add_soma(self, place: Sequence[float], radius: float = float("nan")) -> None:
        """Add a soma; the trees that come into it begin there, one decision.

        Parameters
        ----------
        place : sequence of float
            Its middle, a voxel ``(z, y, x)``.
        radius : float
            In sizes of a voxel along x; where it is not known, that within which a tree begins
            there is 15.
        """
        name = next(n for n in numbered("soma") if n not in {e.name for e in self.entries})
        soma = made_soma(name, place, radius)
        traces = grown_from([entry.trace for entry in self.entries], soma, self.voxel_size)
        entries = (*self._entries_of(self.entries, traces), Entry(soma))
        self.write(entries, entries[-1:], entries)

    def _tied(self) -> tuple[tuple[Entry, ...], Tie]:
        """The traces, and how the selected two are tied.

        Where neither has an end that is free, the tree of the second begins at its end.
        """
        one, other = (entry.trace for entry in self.selected)
        traces = {entry.name: entry.trace for entry in self.entries}
        onwards = goes_on(one, other) or goes_on(other, one)
        if not onwards and root_of(one.path, traces) == root_of(other.path, traces):
            raise InputError(
                f"{one.path} and {other.path} are parts of one tree, which joining them would "
                "close to a loop; cut one of them first."
            )
        entries = self.entries
        if not onwards and one.parent and other.parent:
            entries = self._rooted(entries, Link(other.path, len(other.points) - 1))
            other = next(entry.trace for entry in entries if entry.name == other.path)
        return entries, tie(one, other, self.voxel_size)

    def _rooted(self, entries: Sequence[Entry], at: Link) -> tuple[Entry, ...]:
        """Traces of which one tree begins at another point."""
        return self._entries_of(entries, rooted([entry.trace for entry in entries], at))

    @staticmethod
    def _entries_of(entries: Sequence[Entry], traces: Iterable[Trace]) -> tuple[Entry, ...]:
        """Entries whose traces have changed; both parts of one are accepted if it was."""
        was, made = {entry.name: entry for entry in entries}, list[Entry]()
        for trace in traces:
            # The part with a new name comes behind that with the old one.
            owner = was.get(trace.path) or made[-1]
            made.append(owner if owner.trace is trace else replace(owner, trace=trace))
        return tuple(made)

    def cut(self, place: Sequence[float], other: bool = False) -> None:
        """Cut the selected trace at its point nearest to a voxel, and keep the longer part.

        Parameters
        ----------
        place : sequence of float
            Voxel ``(z, y, x)``.
        other : bool
            Keep the shorter part.

        Raises
        ------
        InputError
            If not exactly one is selected, or nothing would be left of it.
        """
        old = self.only_selected
        part = cut(old.trace, nearest(old.trace, place, self.voxel_size)[0], other)
        if len(part.points) < 2:
            raise InputError("Nothing would be left of the trace; press Reject to delete it.")
        self._replace(old, Entry(part))

    def rename(self, entry: Entry, name: str) -> None:
        """Give a trace another name.

        Raises
        ------
        InputError
            If the name is empty or taken.
        """
        name = name.strip()
        if name == entry.name:
            return
        if not name or name in {other.name for other in self.entries}:
            raise InputError("Each trace needs a name of its own; choose another one.")
        self._replace(entry, replace(entry, trace=replace(entry.trace, path=name)))


def _grown_again(trace: Trace, wholes: Mapping[str, Trace]) -> Trace:
    """A trace that grew from a part of one of some others, whose points are counted anew."""
    link = trace.parent
    if link is None or link.path not in wholes:
        return trace
    return replace(trace, parent=point_at(trace.points[0], link.index, [wholes[link.path]]))


def _renamed(trace: Trace, names: Mapping[str, str]) -> Trace:
    """A trace with another name, and the name of its parent, if that is among the renamed."""
    link = trace.parent
    if link is not None and names.get(link.path, link.path) != link.path:
        trace = replace(trace, parent=Link(names[link.path], link.index))
    name = names[trace.path]
    return trace if name == trace.path else replace(trace, path=name)
