"""An OME-Zarr that is read while it is still being written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import zarr

from napari_midl.errors import InputError
from napari_midl.volumes.lazy import Channel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


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
            raise InputError(f"{path} is no {what} ({error}); choose one.") from error

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the finest level, channels first."""
        return tuple(self.levels[0].shape)

    def channel(self, index: int) -> list[Channel]:
        """One channel at all levels; what is written is read again."""
        return [Channel(level, index, self.written, self.shape[1:]) for level in self.levels]

    def note(self, boxes: Sequence[Any] | None) -> list[Any]:
        """Note that boxes ``Z Y X`` were written, or all of it; gives them in its own axes."""
        shape = self.shape[1:]
        whole = tuple(slice(0, n) for n in shape)
        # A box is (z, y, x), and a plane has no z.
        new = [whole] if boxes is None else [tuple(box)[-len(shape) :] for box in boxes]
        self.written += new
        return new
