"""One of the things that a model learns from: labels of an image at a time point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_midl.volumes.annotations import AnnotationStore
from napari_midl.widgets.images import volume_of

if TYPE_CHECKING:
    from pathlib import Path

    from napari.layers import Image

    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.classes import Classes


@dataclass(frozen=True)
class Source:
    """Labels of an image.

    Parameters
    ----------
    image : Image
        The image.
    patches : list of Patch
        In the values of the dock's classes.
    knows : tuple of str
        The classes that they know; empty for all.
    time : int
        The time point that they are of.
    """

    image: Image
    patches: list[Patch]
    knows: tuple[str, ...] = ()
    time: int = 0

    def write(self, folder: Path, classes: Classes) -> None:
        """Keep a copy, so that what was learnt from it can be learnt again."""
        store = AnnotationStore(folder, volume_of(self.image, plane=True), classes)
        for patch in self.patches:
            store.save(patch)
