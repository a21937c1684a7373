"""Two lists that offer the same things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from napari_midl.widgets.parts.section import offer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtWidgets import QComboBox

T = TypeVar("T")


class TwoOf(Generic[T]):
    """Keeps what two lists offer, and what is chosen in them where it still is there.

    Parameters
    ----------
    first, second : QComboBox
        The lists.
    named : callable
        What to call a thing.
    guess : callable, optional
        Which two of some things to choose, by their places; the first two by default.
    """

    def __init__(
        self,
        first: QComboBox,
        second: QComboBox,
        named: Callable[[T], str],
        guess: Callable[[Sequence[T]], tuple[int, int]] = lambda things: (0, 1),
    ) -> None:
        self.lists = first, second
        self.things: list[T] = []
        self._named, self._guess = named, guess

    @property
    def chosen(self) -> tuple[T | None, T | None]:
        """What is chosen in the first and in the second."""
        first, second = (made.currentData() for made in self.lists)
        return first, second

    def offer(self, things: Sequence[T], anew: bool = False) -> bool:
        """Offer other things; tells whether others are chosen now. No signal says so.

        Parameters
        ----------
        things : sequence
            What to offer.
        anew : bool
            Guess again, whatever is chosen.
        """
        before = self.chosen
        self.things = list(things)
        # A single one stood for both; now that there is another, guess anew.
        kept = before if before[0] != before[1] and not anew else (None, None)
        places = list(self._guess(things))
        if len(things) > 1:
            # The other stays as it is; what is guessed in the place of one that went is not it.
            for side, other in ((0, kept[1]), (1, kept[0])):
                if kept[side] not in things and other is not None and other in things:
                    at = self.things.index(other)
                    places[side] = next(p for p in (*places, 0, 1) if p != at)
        for made, wanted, place in zip(self.lists, kept, places, strict=True):
            offer(made, {thing: self._named(thing) for thing in things}, wanted, place)
        return self.chosen != before
