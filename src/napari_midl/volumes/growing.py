"""An OME-Zarr that is read while it is still being written."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import zarr

from napari_midl.errors import InputError
from napari_midl.volumes.boxes import common, corner_of, seen_from
from napari_midl.volumes.lazy import Lazy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.volumes.boxes import Region

G = TypeVar("G", bound="Growing")


class GrowingImage:
    """The levels of an OME-Zarr, and what was written in it since it was opened.

    Parameters
    ----------
    path : Path
        The OME-Zarr, axes ``C Z Y X`` or ``C Y X``.
    what : str
        What it should be, such as ``prediction``.

    Attributes
    ----------
    levels : list of zarr.Array
        The finest first.
    attributes : dict
        Of the OME-Zarr.
    written : list
        Boxes of level 0 that were written since, in their order.

    Raises
    ------
    InputError
        If it is no OME-Zarr.
    """

    def __init__(self, path: Path, what: str) -> None:
        self.path, self.what = path, what
        self.written: list[Any] = []
        try:
            group = zarr.open_group(path, mode="r")
            self.attributes: dict[str, Any] = dict(group.attrs)
            names = [d["path"] for d in self.attributes["ome"]["multiscales"][0]["datasets"]]
            self.levels: list[Any] = [group[name] for name in names]
        except (OSError, KeyError, ValueError, IndexError, TypeError) as error:
            raise InputError(f"{path} is no {what}; choose one.") from error

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the finest level, channels first."""
        return tuple(self.levels[0].shape)

    def shown(self, kind: Callable[..., G], *about: Any) -> list[G]:
        """All levels as a kind of `Growing`, made with `about`; what is written is read again."""
        return [kind(each, *about, self.written, self.shape[1:]) for each in self.levels]

    def channel(self, index: int) -> list[Channel]:
        """One channel at all levels; what is written is read again."""
        return self.shown(Channel, index)

    def note(self, boxes: Sequence[Any] | None) -> list[Any]:
        """Note that boxes ``Z Y X`` were written, or all of it; gives them in its own axes."""
        shape = self.shape[1:]
        whole = tuple(slice(0, n) for n in shape)
        # A box is (z, y, x), and a plane has no z.
        new = [whole] if boxes is None else [tuple(box)[-len(shape) :] for box in boxes]
        self.written += new
        return new


class Growing(Lazy):
    """A level of a stored image, as it is shown.

    What was read last is kept; of it only the boxes written since are read again.

    Parameters
    ----------
    array : zarr.Array
        Axes ``C Z Y X`` or ``C Y X``.
    written : list of Region, optional
        Boxes of level 0 that were written, in their order; whoever writes adds to it.
    finest : sequence of int, optional
        Shape of level 0 without its channels, if the array is another level.
    dtype : dtype-like, optional
        Of what is shown, if not that of the array.
    values : tuple of int, optional
        What each voxel shows, such as four for red, green, blue and opacity: one more axis.
    """

    def __init__(
        self,
        array: Any,
        written: list[Region] | None = None,
        finest: Sequence[int] | None = None,
        dtype: Any = None,
        values: tuple[int, ...] = (),
    ) -> None:
        shape, chunks = array.shape[1:], getattr(array, "chunks", array.shape)[1:]
        super().__init__((*shape, *values), dtype or array.dtype, (*chunks, *values))
        self._array = array
        self._written: list[Region] = written if written is not None else []
        self._factors = [math.ceil(n / m) for n, m in zip(finest or shape, shape, strict=True)]
        self._kept: tuple[Region, NDArray[Any], int] | None = None

    def load(self, box: Region) -> NDArray[Any]:
        """What a box shows, of what is stored in it now."""
        raise NotImplementedError

    def read(self, box: Region) -> NDArray[Any]:
        """What a box shows, from what was kept where that is what is stored."""
        # Counted before reading: what is written meanwhile, or while a slower thread reads the
        # same voxels, is read again next time.
        count, kept = len(self._written), self._kept
        if kept is None or kept[0] != box:
            shown = self.load(box)
        elif kept[2] >= count:
            return kept[1]
        else:
            shown = self._load_again(kept[1], box, self._written[kept[2] : count])
        self._kept = (box, shown, count)
        return shown

    def _load_again(
        self, shown: NDArray[Any], box: Region, written: Sequence[Region]
    ) -> NDArray[Any]:
        shown = shown.copy()
        places, values = box[: len(self._factors)], box[len(self._factors) :]
        for part in written:
            pairs = zip(part, self._factors, strict=True)
            source = common(tuple(slice(p.start // f, -(-p.stop // f)) for p, f in pairs), places)
            if source is not None:
                shown[seen_from(source, corner_of(places))] = self.load((*source, *values))
        return shown


class Channel(Growing):
    """One channel of a level.

    Parameters
    ----------
    array : zarr.Array
        Axes ``C Z Y X`` or ``C Y X``.
    index : int
        Which channel.
    written, finest
        As for `Growing`.
    """

    def __init__(
        self,
        array: Any,
        index: int,
        written: list[Region] | None = None,
        finest: Sequence[int] | None = None,
    ) -> None:
        super().__init__(array, written, finest)
        self._index = index

    def load(self, box: Region) -> NDArray[Any]:
        """The voxels of a box."""
        return np.asarray(self._array[(self._index, *box)])


class MostProbable(Growing):
    """The class of each voxel, of the probabilities of all classes but the first, which is 0.

    Parameters
    ----------
    array : zarr.Array
        The probabilities come first of its channels.
    count : int
        How many.
    written, finest
        As for `Growing`.
    """

    def __init__(
        self,
        array: Any,
        count: int,
        written: list[Region] | None = None,
        finest: Sequence[int] | None = None,
    ) -> None:
        super().__init__(array, written, finest, np.uint8)
        self._count = count

    def load(self, box: Region) -> NDArray[Any]:
        """The number of the most probable class, as it is written too."""
        each = np.asarray(self._array[(slice(0, self._count), *box)])
        first = 1 - each.sum(axis=0, keepdims=True)  # also of what is not computed yet
        called: NDArray[Any] = np.concatenate([first, each]).argmax(axis=0).astype(self.dtype)
        return called


class Thresholded(Lazy):
    """A channel as labels: 1 where it reaches a threshold; reads only what the channel reads.

    Parameters
    ----------
    channel : Channel
        The probability.
    threshold : float
        May be changed.
    """

    def __init__(self, channel: Channel, threshold: float) -> None:
        super().__init__(channel.shape, np.uint8, channel.chunks)
        self._channel, self.threshold = channel, threshold

    def read(self, box: Region) -> NDArray[Any]:
        """1 where the channel reaches the threshold, else 0."""
        return (self._channel.read(box) >= self.threshold).astype(self.dtype)
