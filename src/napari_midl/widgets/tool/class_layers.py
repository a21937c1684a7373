"""A segmentation in the viewer: its classes, how probable each is, and the doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import Colormap, DirectLabelColormap

from napari_midl.engine.semantic.models import UNLEARNT
from napari_midl.errors import InputError
from napari_midl.volumes.classes import Classes
from napari_midl.volumes.growing import MostProbable
from napari_midl.volumes.multiscales import ABOUT
from napari_midl.widgets.layers import put_above
from napari_midl.widgets.tool.growing_layers import GrowingLayers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari.layers import Image

    from napari_midl.volumes.volume import Volume

DOUBT_COLOURS = Colormap([[0.2, 0.8, 1, 0], [0.2, 0.8, 1, 1]], name="doubt")
OPACITY = 0.5


class ClassLayers(GrowingLayers):
    """The layers of a segmentation.

    Parameters
    ----------
    viewer, image, path
        As for `GrowingLayers`.
    volume : Volume
        The volume that was segmented.

    Raises
    ------
    InputError
        If `path` holds no segmentation of this volume.
    """

    def __init__(self, viewer: Any, image: Image, volume: Volume, path: Path) -> None:
        self._maps: dict[str, Any] = {}
        super().__init__(viewer, image, path, "segmentation")
        shape = self.stored.shape
        try:
            self.classes = Classes.from_dict(self.stored.attributes[ABOUT]["classes"])
        except (KeyError, TypeError, InputError):
            raise InputError(f"{path} is no segmentation; choose another.") from None
        if shape[1:] != volume.shape[-len(shape) + 1 :] or shape[0] != len(self.classes):
            raise InputError(
                f"{path} has shape {shape}, which is no segmentation of {volume.name} of "
                f"{volume.shape}; choose another."
            )
        structures = self.classes.names[1:]
        unlearnt = self.stored.attributes[ABOUT].get(UNLEARNT, [])
        self.labels = self.add(
            self.stored.shown(MostProbable, len(structures)),
            "labels",
            name=f"{image.name}: classes",
            colormap=_of_labels(self.classes),
            features={
                "index": range(len(self.classes)),
                "class": [
                    f"{name} (not learnt)" if name in unlearnt else name
                    for name in self.classes.names
                ],
            },
            opacity=OPACITY,
        )
        self.labels.editable = False
        put_above(viewer, image, self.labels)
        look = {"contrast_limits": (0, 1), "blending": "translucent"}
        for index, name in enumerate(structures):
            if name in unlearnt:
                continue  # an empty layer would say that there is none
            self.add_hidden(
                self.stored.channel(index), of=name, name=f"{image.name}: {name}", **look
            )
        doubt = self.stored.channel(len(structures))
        self.add_hidden(doubt, name=f"{image.name}: doubt", colormap=DOUBT_COLOURS, **look)

    def add(self, *given: Any, of: str = "", **look: Any) -> Any:
        """As for all; that `of` a class has its colour, which may be another by now."""
        if of:
            look["colormap"] = _ramp(self.classes, of)
        layer = super().add(*given, **look)
        if of:
            self._maps[of] = layer
        return layer

    def recolour(self, colours: Mapping[str, str]) -> None:
        """Give classes other colours, ``#rrggbb`` by their names; those of others stay."""
        before = self.classes
        now = before.colours | {n: c for n, c in colours.items() if n in before.names}
        self.classes = Classes(*before.names, colours=now)
        if self.classes == before:
            return
        self.labels.colormap = _of_labels(self.classes)
        for name, layer in self._maps.items():
            if now[name] != before.colours[name]:
                layer.colormap = _ramp(self.classes, name)


def _of_labels(classes: Classes) -> DirectLabelColormap:
    colours: dict[int | None, Any] = {None: "transparent", 0: "transparent"}
    colours |= {v: label.colour for v, label in enumerate(classes.labels[1 : len(classes)], 1)}
    return DirectLabelColormap(color_dict=colours)


def _ramp(classes: Classes, name: str) -> Colormap:
    red, green, blue = (part / 255 for part in classes.labels[classes.names.index(name)].rgb)
    return Colormap([[red, green, blue, 0], [red, green, blue, 1]], name=name)


def in_colours(called: np.ndarray, classes: Classes) -> np.ndarray:
    """Colours and opacity ``(..., 4)`` of classes by their numbers, the first transparent."""
    colours = [(0.0, 0.0, 0.0, 0.0)] + [
        (*(part / 255 for part in label.rgb), OPACITY) for label in classes.labels[1 : len(classes)]
    ]
    return np.array(colours, np.float32)[called]
