"""The OME-Zarr that a dense model is streamed into: an image and its labels, over one grid."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from napari_midl.engine import journal as journals
from napari_midl.volumes.ome_zarr import OmeZarrImage

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from napari_midl.engine.dense import DenseModel
    from napari_midl.volumes.boxes import Box

_AXES = ("C", "Z", "Y", "X")


def create(model: DenseModel, out: Path, time: int = 0, operation: str = "") -> None:
    """Make an empty output, which says that it is not complete, of which time and by what."""
    form, tiling = model.output_format, model.tiling
    # A plane has no axis Z, and an output of one channel without a name none of channels.
    kept = (bool(form.channels), tiling.shape[0] > 1, True, True)

    def along(*values: Any) -> list[Any]:
        return [value for value, keep in zip(values, kept, strict=True) if keep]

    OmeZarrImage.create(
        out,
        shape=along(len(form.channels), *tiling.shape),
        dtype=form.dtype,
        axes=along(*_AXES),
        space=model.channels[0].space,
        chunks=along(*form.chunks),
        channels=form.channels,
        colours=form.colours,
        about={
            **form.about,
            journals.COMPLETE: False,
            journals.BEGUN: datetime.now(UTC).isoformat(timespec="milliseconds"),
            journals.TIME: time,
            journals.OPERATION: operation,
            journals.TILES: {"count": len(tiling), "size": list(tiling.core_size)},
        },
        labels=form.labels,
        name=form.name,
    )


class Output:
    """What `create` made, to be written tile by tile.

    Parameters
    ----------
    model : DenseModel
        Says what is stored.
    out : Path
        Where it is.
    """

    def __init__(self, model: DenseModel, out: Path) -> None:
        parts = [out, *(out / "labels" / name for name in model.output_format.labels)]
        self._model, self._images = model, [OmeZarrImage.open(part) for part in parts]

    def write(self, region: Box, block: NDArray[np.float32]) -> None:
        """Write the output ``(C, z, y, x)`` of a tile at all levels; one tile at a time."""
        for image, stored in self._each(region, block):
            image.write(_box(image, region), stored)

    def write_finest(self, region: Box, block: NDArray[np.float32]) -> None:
        """Write level 0 of a tile; tiles may be written side by side."""
        for image, stored in self._each(region, block):
            image.write_finest(_box(image, region), stored)

    def update_pyramid(self, region: Box) -> None:
        """Bring the coarser levels of a tile up to date; one tile at a time."""
        for image in self._images:
            image.update_pyramid(_box(image, region))

    def _each(
        self, region: Box, block: NDArray[np.float32]
    ) -> list[tuple[OmeZarrImage, NDArray[Any]]]:
        pairs = zip(self._images, self._model.stored(block, region), strict=True)
        return [
            (image, stored[tuple(slice(None) if axis in image.axes else 0 for axis in _AXES)])
            for image, stored in pairs
        ]


def _box(image: OmeZarrImage, region: Box) -> tuple[slice, ...]:
    places = dict(zip(_AXES, (slice(None), *region), strict=True))
    return tuple(places[axis] for axis in image.axes)
