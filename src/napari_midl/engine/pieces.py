"""A file that a library writes piece by piece: it tells how far it is, and can be cancelled."""

from __future__ import annotations

from concurrent.futures import wait
from typing import TYPE_CHECKING, TypeVar

from napari_midl.engine.jobs import Job, Progress, in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
_EVERY = 0.2  # seconds


class Pieces:
    """Counts the pieces that a writer takes, and gives no more once nobody waits for it.

    Parameters
    ----------
    total : int
        How many there are.
    """

    def __init__(self, total: int) -> None:
        self._total, self._done, self._cancelled = total, 0, False

    def counted(self, pieces: Iterable[T]) -> Iterator[T]:
        """Some of the pieces, each made when the writer asks for it."""
        for piece in pieces:
            yield piece
            self.take(1)

    def take(self, count: int) -> None:
        """Note that the writer has taken some more.

        Raises
        ------
        InterruptedError
            Once nobody waits for it.
        """
        if self._cancelled:
            raise InterruptedError("nobody waits for it")
        self._done += count

    def written_by(self, write: Callable[[], object], message: str) -> Job[None]:
        """Have a function, which takes pieces, write in a thread that ends with this.

        Raises
        ------
        Exception
            What the function raises.
        """
        written = in_thread(write)
        try:
            yield Progress(0, self._total, message)
            while not wait([written], timeout=_EVERY).done:
                yield Progress(self._done, self._total, message)
            written.result()
        finally:
            self._cancelled = True
            wait([written])
