"""Where the patches of an image lie, and which is to hold a stroke."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from napari_midl.volumes.boxes import cell_of, cells_in, common, holds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_midl.volumes.boxes import Region
    from napari_midl.widgets.patch_layer import PatchLayer

# Of one byte each. Most images are one cell or a few, and what one stroke needs is soon there.
CELL = (32, 1024, 1024)


class PatchCells:
    """Cuts an image into cells, of which those that are painted in become patches.

    Parameters
    ----------
    shape : sequence of int
        Voxels ``(Z, Y, X)`` of the image.
    make : callable
        Makes a blank over a cell.

    Attributes
    ----------
    shown : list of PatchLayer
        The patches, and blanks that wait for a stroke; the last is seen above the others.
    """

    def __init__(self, shape: Sequence[int], make: Callable[[Region], PatchLayer]) -> None:
        self.shape = tuple(shape)
        self.shown: list[PatchLayer] = []
        self._make = make

    def of(self, layer: Any) -> PatchLayer | None:
        """The patch that a layer shows, None if it shows none."""
        return next((shown for shown in self.shown if shown.layer is layer), None)

    def named(self, name: str) -> PatchLayer:
        """The patch of a name."""
        return next(shown for shown in self.shown if shown.name == name)

    def over(self, box: Region) -> list[PatchLayer]:
        """Patches that cover a part of a box."""
        return [shown for shown in self.shown if shown.used and common(shown.box, box) is not None]

    def at(self, voxel: Sequence[int]) -> PatchLayer:
        """The patch that holds a voxel, else a blank that does."""
        over = [shown for shown in self.shown if shown.used and holds(shown.box, voxel)]
        return over[-1] if over else self._blank(cell_of(voxel, self.shape, CELL))

    def cover(self, box: Region) -> None:
        """Let there be patches over what a box has in common with the image."""
        inside = common(box, tuple(slice(0, n) for n in self.shape))
        for cell in cells_in(inside, self.shape, CELL) if inside else ():
            part = common(box, cell)
            if part and not any(common(part, shown.box) == part for shown in self.over(part)):
                self._blank(cell).used = True

    def room_for(self, box: Region) -> Region:
        """The cell around a patch that was painted before, where it is free; else its own box."""
        cell = cell_of([s.start for s in box], self.shape, CELL)
        free = common(cell, box) == box and not self.over(cell)
        return cell if free else box

    def keep_ready(self) -> None:
        """Let there be a blank: napari takes longer to make a layer than a stroke may wait."""
        cells = math.prod(math.ceil(n / most) for n, most in zip(self.shape, CELL, strict=True))
        if cells > len(self.shown) and all(shown.used for shown in self.shown):
            self._make(cell_of([0] * len(self.shape), self.shape, CELL))

    def _blank(self, cell: Region) -> PatchLayer:
        blank = next((shown for shown in self.shown if not shown.used), None)
        if blank is None:
            return self._make(cell)
        if blank.box != cell:
            blank.move(cell)
        return blank
