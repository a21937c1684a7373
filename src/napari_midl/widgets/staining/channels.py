"""Which two channels to stain, and where their project is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari.layers import Image
from qtpy.QtWidgets import QLabel
from superqt.utils import signals_blocked

from napari_midl.errors import InputError
from napari_midl.methods.staining.names import guess_channels
from napari_midl.widgets.images import extra_axes
from napari_midl.widgets.layers import of_others
from napari_midl.widgets.parts.path_picker import PathPicker
from napari_midl.widgets.parts.section import combo, note, spin
from napari_midl.widgets.parts.two_of import TwoOf
from napari_midl.widgets.sizes import in_words, to_edit
from napari_midl.widgets.staining.bench import Source, StainingBench
from napari_midl.widgets.tool.following import Following
from napari_midl.widgets.tool.part_in_view import PartInView
from napari_midl.widgets.tool.section import ToolSection
from napari_midl.widgets.tool.voxel_size import VoxelSizeLine

if TYPE_CHECKING:
    from collections.abc import Sequence


class ChannelsSection(ToolSection[StainingBench]):
    """Picks a layer, or a channel of one, for each of the two."""

    heading = "Channels"

    def __init__(self, bench: StainingBench) -> None:
        super().__init__(bench)
        self.fluorescence = combo("The channel that shows the nuclei; they become blue")
        self.reflectance = combo("The channel that shows everything else; it becomes pink")
        self._pair = TwoOf[Source](self.fluorescence, self.reflectance, _name, _guess)
        self.swap = self.action(
            "Swap",
            "The fluorescence becomes the reflectance and the other way round; the project stays",
            self._on_swap,
            lambda: bench.idle and None not in self._pair.chosen,
            bench.layers_changed,
        )
        self.time = spin("Time point, counted from 0", 0, 0)
        self.time_label = QLabel("Time point")
        # Connected first, so that the slider stands where the channels are opened then.
        self._part = PartInView(bench, {"T": self.time}, self)
        self.folder = PathPicker(
            "Choose a project folder", "Project folder: the stains are kept here", folder=True
        )
        self.voxel_size = VoxelSizeLine()
        self.about = note("Size of the mosaic, and what was taken for granted")
        self.row("Fluorescence", self.fluorescence, stretch=1)
        self.row("Reflectance", self.reflectance, self.swap, stretch=1)
        self.row(self.time_label, self.time)
        self.row("Project", self.folder, stretch=1)
        self.row("Voxel size", self.voxel_size, stretch=1)
        self.body.addWidget(self.voxel_size.fault)
        self.body.addWidget(self.about)
        bench.layers_changed.connect(self._on_layers)
        self.time.valueChanged.connect(lambda _: self._open())
        for widget in (self.fluorescence, self.reflectance, self.time, self.folder):
            self.enabled_when(widget, lambda: not bench.runner.running)
        for made in (self.fluorescence, self.reflectance):
            made.currentIndexChanged.connect(lambda _: self._on_chosen())
        self.folder.changed.connect(self._open)
        self.voxel_size.typed.connect(self._on_size)
        self.enabled_when(self.voxel_size, lambda: bench.idle)
        self._following = Following(bench, self._open, self)
        self._on_layers()
        if not self._pair.things:
            self._offer_times()
            self._open()

    @property
    def both(self) -> bool:
        """Whether two channels are chosen, be it that they can be used or not."""
        fluorescence, reflectance = self._pair.chosen
        return None not in (fluorescence, reflectance) and fluorescence != reflectance

    def _on_layers(self) -> None:
        """Keep the lists of channels."""
        sources = [
            source
            for layer in of_others(self.bench.viewer, Image)
            if not layer.rgb
            for source in _channels(layer)
        ]
        if sources != self._pair.things and self._pair.offer(sources):
            self._on_chosen()

    def _what_is_needed(self) -> str:
        """Two channels, and why an image that is open may not be among those offered."""
        coloured = any(layer.rgb for layer in of_others(self.bench.viewer, Image))
        aside = " A picture in colours (RGB) is not offered: it is no channel." if coloured else ""
        return f"Two channels of one mosaic are needed.{aside}"

    def _on_chosen(self) -> None:
        """Another pair has another project."""
        self.folder.path = None
        self._offer_times()
        self._open()

    def _offer_times(self) -> None:
        """Offer the time points of the pair, and take that in view."""
        sources = [source for source in self._pair.chosen if source is not None]
        series = next((source.layer for source in sources if source.times > 1), None)
        with signals_blocked(self.time):
            self.time.setRange(0, max((source.times for source in sources), default=1) - 1)
            self.time.setValue(0 if series is None else self._part.shown("T", series) or 0)
        for widget in (self.time_label, self.time):
            widget.setVisible(series is not None)
        self._part.follow(series)

    def _on_swap(self) -> None:
        """One opening of the pair that is meant, not one of the same channel twice before it."""
        fluorescence, reflectance = (made.currentIndex() for made in self._pair.lists)
        with signals_blocked(self.fluorescence), signals_blocked(self.reflectance):
            self.fluorescence.setCurrentIndex(reflectance)
            self.reflectance.setCurrentIndex(fluorescence)
        self._open()

    def _on_size(self, text: str) -> None:
        bench = self.bench
        try:
            bench.keep_typed(text, bench.opened_image, self.folder.path)
        except InputError as error:
            self.voxel_size.complain(str(error))
            return
        self._open(text)

    def _open(self, size: str | None = None) -> None:
        bench = self.bench
        fluorescence, reflectance = self._pair.chosen
        self._following.follow(*{s.layer for s in (fluorescence, reflectance) if s is not None})
        self.voxel_size.show_size("")
        try:
            if not self.both or fluorescence is None or reflectance is None:
                bench.close()
                self.about.setText(self._what_is_needed())
                return
            bench.open_pair(fluorescence, reflectance, self.time.value(), self.folder.path, size)
        except InputError as error:
            self.about.setText(str(error))
            return
        self.folder.path = bench.folder
        self.voxel_size.show_size(to_edit(bench.opened_image))
        notes = dict.fromkeys(note for volume in bench.volumes for note in volume.notes)
        shown = replace(bench.opened_volume, notes=tuple(notes))
        self.about.setText(in_words(bench.opened_image, shown))
        self._following.settle()

    def shut_down(self) -> None:
        """Let go of the viewer: the dock is being closed."""
        self._part.stop()


def _channels(layer: Image) -> list[Source]:
    try:
        count = extra_axes(layer).get("C", 1)
    except InputError:
        return []
    return [Source(layer, channel) for channel in range(count)]


def _name(source: Source) -> str:
    many = extra_axes(source.layer).get("C", 1) > 1
    return f"{source.layer.name}, channel {source.channel}" if many else str(source.layer.name)


def _guess(sources: Sequence[Source]) -> tuple[int, int]:
    return guess_channels([_name(source) for source in sources])
