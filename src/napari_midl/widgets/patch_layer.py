"""One painted patch as a small Labels layer over an image."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.boxes import common, hull, seen_from, size_of
from napari_midl.volumes.classes import UNLABELLED
from napari_midl.widgets.images import placed_over
from napari_midl.widgets.layers import OURS

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_midl.volumes.boxes import Region
    from napari_midl.volumes.classes import Classes

BRUSH = 4
OPACITY = 0.75
_PAINTING = ("paint", "erase")


class PatchLayer:
    """A patch and its layer.

    Parameters
    ----------
    patch : Patch
        What was painted before; its labels are copied.
    box : tuple of slice
        What the layer covers of the image: at least the patch.
    image : Image
        What it lies over.
    classes : Classes
        What can be painted.

    Attributes
    ----------
    layer : Labels
        Not in the viewer yet.
    name : str
        Of its file; napari may show another, where a layer has that already.
    box : tuple of slice
        What the layer covers, in voxels ``(z, y, x)`` of level 0 of the image.
    used : bool
        Whether a stroke was ever begun in it; else it is a blank, which may be moved, and whose
        layer is called ready to paint.
    """

    def __init__(self, patch: Patch, box: Region, image: Image, classes: Classes) -> None:
        self.name, self.box = patch.name, box
        self._used = bool(np.any(patch.labels))
        self._image, self._classes = image, classes
        # Paint lies in here, so that the cost of looking at it is that of what is painted.
        self._touched: Region | None = patch.box if patch.labels.size else None
        self._painted: Patch | None = None
        self._counted = False
        labels = np.zeros(size_of(box), np.uint8)
        labels[seen_from(patch.box, self.origin)] = patch.labels
        self.layer = Labels(
            labels,
            name=patch.name if self._used else f"{patch.name} (ready to paint)",
            colormap=_colours(classes),
            opacity=OPACITY,
            metadata={OURS: "painted"},
            features=_names(classes),
            **placed_over(image, self.origin),
        )
        self.layer.brush_size = BRUSH
        self.layer.selected_label = classes.offered[0].value

    def use(self, classes: Classes) -> None:
        """Let other classes be painted; what is painted keeps its values."""
        self._classes = classes
        self.layer.features = _names(classes)
        self.layer.colormap = _colours(classes)
        self.keep_known()

    @property
    def used(self) -> bool:
        """Whether a stroke was ever begun in it."""
        return self._used

    @used.setter
    def used(self, used: bool) -> None:
        began, self._used = used and not self._used, used
        if began:
            self.layer.name = self.name

    @property
    def origin(self) -> tuple[int, ...]:
        """The first voxel ``(z, y, x)`` that the layer covers of the image."""
        return tuple(s.start for s in self.box)

    @property
    def patch(self) -> Patch:
        """As it is now, without what was never painted in; its labels are those of the layer."""
        box = self._touched or tuple(slice(o, o) for o in self.origin)
        labels = np.asarray(self.layer.data[seen_from(box, self.origin)], np.uint8)
        return Patch(tuple(s.start for s in box), labels, self.name)

    @property
    def painted(self) -> Patch | None:
        """A copy of the part that holds paint, None where nothing is painted."""
        if not self._counted:
            self._painted, self._counted = self.patch.painted(), True
        part = self._painted
        return part if part is None else replace(part, name=self.name)

    def paint(self, other: Patch) -> None:
        """Paint what another patch holds, where it lies over this one."""
        over = common(other.box, self.box)
        if over is None:
            return
        labels = other.labels[seen_from(over, other.origin)]
        for label in np.unique(labels[labels != UNLABELLED]).tolist():
            found = zip(np.nonzero(labels == label), over, self.origin, strict=True)
            self.layer.data_setitem(tuple(at + s.start - o for at, s, o in found), label)

    def touch(self, box: Region | None = None) -> None:
        """Something was painted in a box, or where it was before: look again.

        No value is let stand that the classes lack.
        """
        self.used, self._counted = True, False
        if box is not None:
            self._touched = hull([box, self._touched or box])
        labels = self.patch.labels
        if not self._classes.knows(labels):
            # napari's M takes the next number, and what is pasted may hold any.
            labels[...] = self._classes.nearest(labels)
            self.layer.refresh()

    def move(self, box: Region) -> None:
        """Lay a blank over another box."""
        if size_of(box) != self.layer.data.shape:
            self.layer.data = np.zeros(size_of(box), np.uint8)
        self.box, self._touched = box, None
        self.lay()

    def lay(self) -> None:
        """Lay it over its image, as that is sized and placed now."""
        place = placed_over(self._image, self.origin)
        for name in ("scale", "units", "translate"):
            if not np.array_equal(getattr(self.layer, name), place[name]):
                setattr(self.layer, name, place[name])

    @property
    def painting(self) -> int | None:
        """What the layer's brush paints; None while it has another tool."""
        if self.layer.mode not in _PAINTING:
            return None
        return UNLABELLED if self.layer.mode == "erase" else int(self.layer.selected_label)

    def paint_with(self, label: int | None) -> None:
        """Take the brush with a label, or put it down."""
        if label is None:
            if self.painting is not None:
                self.layer.mode = "pan_zoom"
        elif label != self.painting:
            self.show()
            self.layer.mode = "paint"
            self.layer.selected_label = label

    def show(self) -> None:
        """Let what is painted be seen."""
        if not self.layer.visible:
            self.layer.visible = True

    def keep_known(self) -> None:
        """Let no label be chosen that the classes lack."""
        chosen = np.array([self.layer.selected_label])
        if not self._classes.knows(chosen):
            self.layer.selected_label = int(self._classes.nearest(chosen)[0])


def _colours(classes: Classes) -> DirectLabelColormap:
    colours: dict[int | None, str] = {None: "transparent", UNLABELLED: "transparent"}
    colours.update({label.value: label.colour for label in classes.labels})
    return DirectLabelColormap(color_dict=colours)


def _names(classes: Classes) -> dict[str, list[Any]]:
    """What napari's status bar tells of each value."""
    return {
        "index": [UNLABELLED, *(label.value for label in classes.labels)],
        "class": ["unlabelled", *(label.name for label in classes.labels)],
    }
