"""A bench of a tool whose classes a person names: classes, paint, and the images it is on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Image
from qtpy.QtCore import Signal

from napari_midl.engine.channels import ChannelsIn
from napari_midl.engine.project import classes_folder
from napari_midl.errors import InputError
from napari_midl.volumes.annotations import AnnotationStore
from napari_midl.volumes.classes import Classes
from napari_midl.widgets.images import channel_of, extra_axes, volume_of, whole_of
from napari_midl.widgets.layers import is_ours
from napari_midl.widgets.patches import PatchLayers
from napari_midl.widgets.sizes import folder_of, of_one_file, to_record
from napari_midl.widgets.tool.paint_bench import PaintBench
from napari_midl.widgets.tool.stream_section import L

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtCore import QObject

    from napari_midl.volumes.annotations import Patch
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
        """Paint and learn other classes; what is painted keeps its values.

        Raises
        ------
        InputError
            If what is painted cannot be saved.
        """
        image, volume, label = self.image, self.volume, self.patches.label
        if image is not None and volume is not None:
            folder = classes_folder(self.opened_folder, self.channel, self.time)
            self.patches.detach()
            self.patches.classes = classes
            self.store(volume, folder).rename_classes()
            self.patches.attach(image, volume, folder)
            self.patches.paint_with(label)
        self.patches.classes = classes
        self.renamed.emit()

    def store(self, volume: Volume, folder: Path) -> AnnotationStore:
        """What is painted in a folder."""
        return AnnotationStore(folder, volume, self.classes)

    @property
    def images(self) -> list[Image]:
        """All images in the viewer that can be learnt from; the open one is the first."""
        found = [
            layer for layer in self.viewer.layers if isinstance(layer, Image) and not is_ours(layer)
        ]
        return sorted(found, key=lambda layer: layer is not self.image)

    def painted_on(self, image: Image) -> list[Patch]:
        """What is painted on an image, in this window or before, in the classes of the dock."""
        if image is self.image:
            return self.patches.patches
        store = self._painted_before(image)
        return [] if store is None else store.load()[0]

    def has_paint(self, image: Image) -> bool:
        """Whether something is, or may be, painted on an image; no paint is read."""
        return image is self.image or self._painted_before(image) is not None

    def _painted_before(self, image: Image) -> AnnotationStore | None:
        try:
            folder = classes_folder(folder_of(image), channel_of(image), 0)
            store = self.store(volume_of(image, plane=True), folder)
            kept = store.kept_classes()
        except InputError:
            return None  # which says why, where it is opened
        return store if kept is not None and self.classes.extends(kept) else None

    def channels_to_learn(self, image: Image, together: bool) -> dict[int, Volume]:
        """All channels of the file of an image by their numbers, or the one that is painted on."""
        every = self.channels_of(image)
        if together and len(every) > 1:
            return every
        if image is self.image:
            return {self.channel: self.opened_volume}
        return {channel_of(image): volume_of(image, 0, 0, plane=True)}

    def channels_of(self, image: Image) -> dict[int, Volume]:
        """The channels of the file of an image by their numbers, each ``Z Y X``; at least one."""
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
