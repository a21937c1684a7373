"""Which vessels to measure, and in which regions: layers of the viewer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Labels
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox

from napari_midl.errors import InputError
from napari_midl.methods.vessels.ports import MaskIn, RegionsIn
from napari_midl.volumes.laying import laid_on
from napari_midl.widgets.images import extra_axes, volume_of
from napari_midl.widgets.layers import OURS
from napari_midl.widgets.parts.section import offer

if TYPE_CHECKING:
    from napari_midl.volumes.volume import Volume
    from napari_midl.widgets.vessels.bench import VesselsBench


class LabelsPicker(QComboBox):
    """Labels layers of the viewer that no dock has made, after a first choice that is none.

    Attributes
    ----------
    changed : Signal
        Another is chosen.
    """

    changed = Signal()

    def __init__(self, bench: VesselsBench, first: str, tooltip: str) -> None:
        super().__init__()
        self._bench, self._first = bench, first
        self._layers: list[Labels] = []
        self.setSizeAdjustPolicy(self.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setToolTip(tooltip)
        bench.layers_changed.connect(self._list)
        self.currentIndexChanged.connect(lambda _: self.changed.emit())
        self._list()

    @property
    def layer(self) -> Labels | None:
        """The chosen layer; None for the first choice."""
        chosen: Labels | None = self.currentData()
        return chosen

    def volume(self) -> Volume:
        """The voxels of the chosen layer, at the time point that is open.

        Raises
        ------
        InputError
            If they cannot be used.
        """
        layer = self.layer
        assert layer is not None
        return volume_of(layer, time=self._time(layer))

    def _time(self, layer: Labels) -> int:
        return self._bench.time if extra_axes(layer).get("T", 1) > self._bench.time else 0

    def _list(self) -> None:
        layers = [
            layer
            for layer in self._bench.viewer.layers
            if isinstance(layer, Labels)
            and not any(str(k).startswith(OURS) for k in layer.metadata)
        ]
        if layers == self._layers and self.count():
            return
        chosen, self._layers = self.layer if self.count() else None, layers
        offer(self, {None: self._first, **{layer: layer.name for layer in layers}}, chosen)
        for layer in layers:
            layer.events.name.connect(self._on_renamed)
        if self.layer is not chosen:
            self.changed.emit()

    def _on_renamed(self, event: Any) -> None:
        if event.source in self._layers and not self._bench.ended:
            self.setItemText(self._layers.index(event.source) + 1, event.source.name)


class MaskPicker(LabelsPicker):
    """The prediction at its threshold, or a Labels layer in which what is not 0 is vessel.

    Attributes
    ----------
    edited : Signal
        What was measured was edited since.
    was_edited : bool
        Whether that is so.
    over : Layer
        In whose voxels the mask is that was asked for last.
    """

    edited = Signal()

    def __init__(self, bench: VesselsBench) -> None:
        super().__init__(
            bench,
            "the prediction at the threshold",
            "What to measure: the prediction with its corrections, or a Labels layer, in which "
            "whatever is not 0 is vessel",
        )
        self.was_edited = False
        self.over: Any = None
        self._measured: Labels | None = None

    @property
    def is_prediction(self) -> bool:
        """Whether the prediction is chosen."""
        return self.layer is None

    @property
    def ready(self) -> bool:
        """Whether there is something to measure."""
        return not self.is_prediction or self._bench.shown is not None

    def mask_in(self) -> MaskIn | None:
        """The chosen layer; None for the prediction. In whose voxels it is, `over` tells then.

        Raises
        ------
        InputError
            If it cannot be used.
        """
        self.over = self._bench.opened_image
        if self.is_prediction:
            return None
        assert self.layer is not None
        volume, size = self.volume(), ""
        image = self._bench.opened_volume
        try:
            volume, size = laid_on(volume, image), image.space.as_typed
        except InputError:
            # A mask of something else is measured where it lies, in its own voxels.
            self.over = self.layer
        return MaskIn.of(volume, 0, self._time(self.layer), size)

    def begin(self) -> None:
        """What is chosen is measured as it is now."""
        self._follow(self.layer)

    def forget(self) -> None:
        """Nothing is measured any more."""
        self._follow(None)

    def _follow(self, layer: Labels | None) -> None:
        for one, connect in ((self._measured, False), (layer, True)):
            if one is not None:
                for event in (one.events.paint, one.events.labels_update, one.events.data):
                    (event.connect if connect else event.disconnect)(self._on_edited)
        self._measured, self.was_edited = layer, False

    def _on_edited(self, event: Any) -> None:
        if not self.was_edited:
            self.was_edited = True
            self.edited.emit()


class RegionsPicker(LabelsPicker):
    """No regions, or a Labels layer whose numbers are regions."""

    def __init__(self, bench: VesselsBench) -> None:
        super().__init__(
            bench,
            "none",
            "Labels that number the regions of the image: the summary has a row for each",
        )

    def regions_in(self) -> RegionsIn | None:
        """The chosen layer.

        Raises
        ------
        InputError
            If it cannot be used.
        """
        if self.layer is None:
            return None
        volume = self.volume()
        return RegionsIn(Path(volume.source) if volume.source else None, volume)
