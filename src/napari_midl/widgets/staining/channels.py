"""Which two channels to stain, and where their project is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image
from qtpy.QtWidgets import QComboBox

from napari_midl.errors import InputError
from napari_midl.widgets.images import extra_axes, is_ours, symbol
from napari_midl.widgets.parts.path_picker import PathPicker
from napari_midl.widgets.parts.section import Section, note
from napari_midl.widgets.staining.workbench import Source

if TYPE_CHECKING:
    from napari_midl.widgets.staining.workbench import Workbench

# What the name of a layer says about its channel.
_FLUORESCENCE = ("fluor", "nucle", "dapi", "dna", "acridine", "hoechst", "fcm")
_REFLECTANCE = ("reflect", "eosin", "cyto", "rcm", "stroma", "scatter")


class ChannelsSection(Section):
    """Picks a layer, or a channel of one, for each of the two."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__("Channels")
        self._bench = bench
        self._sources: list[Source] = []
        self.fluorescence = _combo("The channel that shows the nuclei; they become blue")
        self.reflectance = _combo("The channel that shows everything else; it becomes pink")
        self.folder = PathPicker(
            "Choose a project folder", "Project folder: the stains are kept here", folder=True
        )
        self.about = note("Size of the mosaic")
        self.row("Fluorescence", self.fluorescence, stretch=1)
        self.row("Reflectance", self.reflectance, stretch=1)
        self.row("Project", self.folder, stretch=1)
        self.body.addWidget(self.about)
        layers = bench.viewer.layers
        for event in (layers.events.inserted, layers.events.removed):
            event.connect(self._on_layers)
        for combo in (self.fluorescence, self.reflectance):
            combo.currentIndexChanged.connect(self._open)
        self.folder.changed.connect(self._open)
        bench.changed.connect(self._on_changed)
        self._on_layers()

    def _on_layers(self, event: Any = None) -> None:
        """Keep the lists of channels, and the choice where it still is there."""
        if self._bench.ended:
            return
        sources = [
            source
            for layer in self._bench.viewer.layers
            if isinstance(layer, Image) and not is_ours(layer) and not layer.rgb
            for source in _channels(layer)
        ]
        if sources == self._sources and event is not None:
            return
        before = [self._chosen(combo) for combo in (self.fluorescence, self.reflectance)]
        self._sources = sources
        # A single channel stood for both; now that there is another, guess anew.
        kept = before if before[0] != before[1] else [None, None]
        guess = (_guess(sources, _FLUORESCENCE, 0), _guess(sources, _REFLECTANCE, 1))
        for combo, chosen, index in zip(
            (self.fluorescence, self.reflectance), kept, guess, strict=True
        ):
            combo.blockSignals(True)
            combo.clear()
            for source in sources:
                combo.addItem(_name(source), source)
            combo.setCurrentIndex(sources.index(chosen) if chosen in sources else index)
            combo.blockSignals(False)
        after = [self._chosen(combo) for combo in (self.fluorescence, self.reflectance)]
        if after != before or event is None:
            self.folder.path = None
            self._open()

    def _open(self) -> None:
        bench = self._bench
        chosen = self._chosen(self.fluorescence), self._chosen(self.reflectance)
        fluorescence, reflectance = chosen
        try:
            if fluorescence is None or reflectance is None or fluorescence == reflectance:
                bench.close()
                self.about.setText("Two channels of one mosaic are needed.")
                return
            bench.open(fluorescence, reflectance, self.folder.path)
        except InputError as error:
            self.about.setText(str(error))
            return
        first, second = bench.volumes
        if first.shape != second.shape:
            sizes = [" x ".join(map(str, v.shape[-2:])) for v in bench.volumes]
            bench.close()
            self.about.setText(
                f"The channels have {sizes[0]} and {sizes[1]} pixels; choose two of one mosaic."
            )
            return
        self.folder.path = bench.folder
        size = " x ".join(map(str, second.shape[-2:]))
        step = f"{second.voxel_size[-1]:g} {symbol(second.unit)}" if second.unit else "unknown size"
        self.about.setText(f"{size} pixels of {step}.")

    def _chosen(self, combo: QComboBox) -> Source | None:
        index = combo.currentIndex()
        return self._sources[index] if 0 <= index < len(self._sources) else None

    def _on_changed(self) -> None:
        for widget in (self.fluorescence, self.reflectance, self.folder):
            widget.setEnabled(not self._bench.runner.running)


def _combo(tooltip: str) -> QComboBox:
    made = QComboBox()
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    made.setToolTip(tooltip)
    return made


def _channels(layer: Image) -> list[Source]:
    try:
        count = extra_axes(layer).get("C", 1)
    except InputError:
        return []
    return [Source(layer, channel) for channel in range(count)]


def _name(source: Source) -> str:
    many = extra_axes(source.layer).get("C", 1) > 1
    return f"{source.layer.name}, channel {source.channel}" if many else source.layer.name


def _guess(sources: list[Source], words: tuple[str, ...], fallback: int) -> int:
    """The first source whose name says what it is, else by its place."""
    for index, source in enumerate(sources):
        if any(word in _name(source).lower() for word in words):
            return index
    return min(fallback, len(sources) - 1)
