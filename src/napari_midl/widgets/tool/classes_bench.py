"""A bench of a tool whose classes a person names: classes, paint, and the images it is on."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from qtpy.QtCore import Signal

from napari_midl.engine.channels import ChannelsIn
from napari_midl.engine.project import classes_folder, times_painted
from napari_midl.errors import InputError
from napari_midl.volumes.annotations import AnnotationStore
from napari_midl.volumes.classes import Classes
from napari_midl.widgets.images import channel_of, extra_axes, volume_of, whole_of
from napari_midl.widgets.layers import of_others
from napari_midl.widgets.patches import PatchLayers
from napari_midl.widgets.sizes import folder_of, of_one_file, to_record
from napari_midl.widgets.tool.output_section import L
from napari_midl.widgets.tool.paint_bench import PaintBench

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtCore import QObject

    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.classes import Label
    from napari_midl.volumes.volume import Volume

FIRST = Classes("background", "structure")


class ClassesBench(PaintBench[L]):
    """Paint of several images, in the classes of the dock.

    Attributes
    ----------
    patches : PatchLayers
        What is painted on the open image; its classes are those of the dock.
    renamed : Signal
        The classes are others, or have other names or colours.
    """

    renamed = Signal()

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(viewer, parent)
        self.patches = PatchLayers(viewer, FIRST, self)
        self.patches.failed.connect(self.report)

    @property
    def classes(self) -> Classes:
        """What can be painted and learnt."""
        return self.patches.classes

    @property
    def painted(self) -> list[tuple[PatchLayers, Callable[[Path, int, int], Path]]]:
        """The classes."""
        return [(self.patches, classes_folder)]

    def attach(self) -> None:
        """Show what was painted before, in the classes that it was painted with."""
        folder = classes_folder(self.opened_folder, self.channel, self.time)
        kept = self.store(self.opened_volume, folder).kept_classes()
        # Those of the dock, unless others were painted; with the colours that these had.
        if kept is not None and (not self.classes.extends(kept) or kept.extends(self.classes)):
            self.patches.classes = kept
        super().attach()
        self.renamed.emit()

    def use_classes(self, classes: Classes) -> None:
        """Paint and learn other classes, on all images; what is painted keeps its values.

        Raises
        ------
        InputError
            If what is painted cannot be saved, or is of a class that would go.
        """
        others = [store for each in self.images for store in self._painted_before(each).values()]
        for gone in self.classes.labels[len(classes) : len(self.classes)]:
            _refuse_painted(others, gone)
        self.patches.use_classes(classes)
        # What is named anew here is the same thing at other time points and on other images.
        for store in others:
            self.store(store.volume, store.folder).rename_classes()
        self.renamed.emit()

    def store(self, volume: Volume, folder: Path) -> AnnotationStore:
        """What is painted in a folder."""
        return AnnotationStore(folder, volume, self.classes)

    @property
    def images(self) -> list[Image]:
        """All images in the viewer that can be learnt from; the open one is the first."""
        found = of_others(self.viewer, Image)
        return sorted(found, key=lambda layer: layer is not self.image)

    def painted_on(self, image: Image) -> dict[int, list[Patch]]:
        """By its time points what is painted on an image, in the classes of the dock.

        In this window or before; a time point at which nothing is painted is not among them.
        """
        found = {time: store.load()[0] for time, store in self._painted_before(image).items()}
        if image is self.image:
            found[self.time] = self.patches.patches
        return {time: found[time] for time in sorted(found) if found[time]}

    def times_before(self, image: Image) -> list[int]:
        """The time points, but for the open one, at which something may be painted on an image.

        No paint is read.
        """
        return list(self._painted_before(image))

    def _painted_before(self, image: Image) -> dict[int, AnnotationStore]:
        """By its time points what is painted on an image, but for the one that is open."""
        return {
            time: store
            for time, (store, kept) in self._stores(image).items()
            if self.classes.extends(kept)
        }

    def painted_otherwise(self, image: Image) -> Classes | None:
        """The classes that an image was painted with, where the dock's are others."""
        kept = (kept for _, kept in self._stores(image).values())
        return next((each for each in kept if not self.classes.extends(each)), None)

    def _stores(self, image: Image) -> dict[int, tuple[AnnotationStore, Classes]]:
        """The same, in whichever classes, with these."""
        is_open, channel = image is self.image, self._channel_on(image)
        stores = {}
        with suppress(InputError):  # which says why, where it is opened
            folder = self.opened_folder if is_open else folder_of(image)
            for time in times_painted(folder, classes_folder, channel):
                if not (is_open and time == self.time):
                    place = classes_folder(folder, channel, time)
                    store = self.store(self._volume_at(image, time), place)
                    kept = store.kept_classes()
                    if kept is not None:
                        stores[time] = store, kept
        return stores

    def _channel_on(self, image: Image) -> int:
        """Which channel of its file is painted on."""
        return self.channel if image is self.image else channel_of(image)

    def _volume_at(self, image: Image, time: int) -> Volume:
        """The same at a time point."""
        in_layer = self._channel_on(image) if "C" in extra_axes(image) else 0
        return volume_of(image, in_layer, time, plane=True)

    def channels_to_learn(
        self, image: Image, together: bool, time: int | None = None
    ) -> dict[int, Volume]:
        """All channels of the file of an image by their numbers, or the one that is painted on.

        At a time point; by default that which is open.
        """
        every = self.channels_of(image, time)
        if together and len(every) > 1:
            return every
        if image is self.image and time in (None, self.time):
            return {self.channel: self.opened_volume}
        return {self._channel_on(image): self._volume_at(image, time or 0)}

    def channels_of(self, image: Image, time: int | None = None) -> dict[int, Volume]:
        """The channels of the file of an image by their numbers, each ``Z Y X``; at least one."""
        if time is None:
            time = self.time if image is self.image else 0
        count = extra_axes(image).get("C", 1)
        if count > 1:
            return {c: volume_of(image, c, time, plane=True) for c in range(count)}
        layers = of_one_file(self.viewer, image)
        found = {channel_of(each): volume_of(each, 0, time, plane=True) for each in layers}
        return dict(sorted(found.items()))

    def channels_in(self, count: int) -> ChannelsIn:
        """The open image for a model of so many channels: all of them, or the one in view."""
        image, volume = self.opened_image, self.opened_volume
        size, every = to_record(image, volume), self.channels_of(image)
        if count != len(every) or count == 1:
            return ChannelsIn.of(volume, self.channel, self.time, size)
        path = Path(volume.source) if volume.source else None
        whole = whole_of(image) if path is None else None
        return ChannelsIn(
            path, time=self.time, voxel_size=size, volume=whole, channels=tuple(every)
        )


def _refuse_painted(stores: Sequence[AnnotationStore], gone: Label) -> None:
    for store in stores:
        if any((np.asarray(patch.labels) == gone.value).any() for patch in store.load()[0]):
            raise InputError(
                f"{gone.name} is painted on {store.volume.name} too, at another time point or on "
                "another image; go there and erase it first."
            )
