"""Which two channels to stain, and where their project is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image

from napari_midl.errors import InputError
from napari_midl.methods.staining.names import guess_channels
from napari_midl.widgets.images import extra_axes
from napari_midl.widgets.layers import is_ours
from napari_midl.widgets.parts.path_picker import PathPicker
from napari_midl.widgets.parts.section import combo, note
from napari_midl.widgets.parts.two_of import TwoOf
from napari_midl.widgets.staining.bench import Source, StainingBench
from napari_midl.widgets.tool.section import ToolSection

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
        self.folder = PathPicker(
            "Choose a project folder", "Project folder: the stains are kept here", folder=True
        )
        self.about = note("Size of the mosaic")
        self.row("Fluorescence", self.fluorescence, stretch=1)
        self.row("Reflectance", self.reflectance, stretch=1)
        self.row("Project", self.folder, stretch=1)
        self.body.addWidget(self.about)
        bench.layers_changed.connect(self._on_layers)
        for widget in (self.fluorescence, self.reflectance, self.folder):
            self.enabled_when(widget, lambda: not bench.runner.running)
        for made in (self.fluorescence, self.reflectance):
            made.currentIndexChanged.connect(lambda _: self._open())
        self.folder.changed.connect(self._open)
        self._on_layers()
        if not self._pair.things:
            self._open()

    def _on_layers(self) -> None:
        """Keep the lists of channels."""
        sources = [
            source
            for layer in self.bench.viewer.layers
            if isinstance(layer, Image) and not is_ours(layer) and not layer.rgb
            for source in _channels(layer)
        ]
        if sources != self._pair.things and self._pair.offer(sources):
            self.folder.path = None
            self._open()

    def _open(self) -> None:
        bench = self.bench
        fluorescence, reflectance = self._pair.chosen
        try:
            if fluorescence is None or reflectance is None or fluorescence == reflectance:
                bench.close()
                self.about.setText("Two channels of one mosaic are needed.")
                return
            bench.open_pair(fluorescence, reflectance, self.folder.path)
        except InputError as error:
            self.about.setText(str(error))
            return
        self.folder.path = bench.folder
        self.about.setText(bench.opened_volume.size_in_words)


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
