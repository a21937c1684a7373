"""Which image, which channel, and where its project is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image
from qtpy.QtWidgets import QLabel
from superqt.utils import signals_blocked

from napari_midl.errors import InputError
from napari_midl.widgets.colours import of_most_contrast
from napari_midl.widgets.images import extra_axes, in_memory, source_of
from napari_midl.widgets.layers import of_others
from napari_midl.widgets.looking import fly_to, is_in_view, uncover
from napari_midl.widgets.parts.names import shortened
from napari_midl.widgets.parts.path_picker import PathPicker
from napari_midl.widgets.parts.section import combo, note, offer, spin
from napari_midl.widgets.sizes import in_words, to_edit
from napari_midl.widgets.tool.bench import Bench
from napari_midl.widgets.tool.following import Following
from napari_midl.widgets.tool.part_in_view import PartInView
from napari_midl.widgets.tool.section import ToolSection
from napari_midl.widgets.tool.voxel_size import VoxelSizeLine

if TYPE_CHECKING:
    from typing import Any

_COLOURS = 3  # of a picture; it may have a fourth layer for what is transparent


class DataSection(ToolSection[Bench]):
    """Picks an image layer; its channel and time point are those that the viewer shows.

    Parameters
    ----------
    bench : Bench
        Opens and closes images.
    image, channel, project : str
        Tooltips: what image it should be, what the channel shows, what the project keeps.
    """

    heading = "Data"

    def __init__(self, bench: Bench, image: str, channel: str, project: str) -> None:
        super().__init__(bench)
        self._layers: list[Image] = []
        self._gone = False
        self._split: tuple[int, ...] | None = None
        self._following = Following(bench, self._reopen, self)
        self.image = combo(image)
        self.channel, self.time = spin(channel, 0, 0), spin("Time point, counted from 0", 0, 0)
        # Connected first, so that the slider stands where the image is opened then.
        numbers = {"C": self.channel, "T": self.time}
        self._part = PartInView(bench, numbers, self)
        self.folder = PathPicker("Choose a project folder", project, folder=True)
        self.voxel_size = VoxelSizeLine()
        self.about = note("Size and voxel size of the image, and what was taken for granted")
        self.picked = note("Which image was taken in the place of one that is gone")
        self.picked.hide()
        self.row("Image", self.image, stretch=1)
        self.body.addWidget(self.picked)
        self.channel_label, self.time_label = QLabel("Channel"), QLabel("Time point")
        self.row(self.channel_label, self.channel, self.time_label, self.time)
        self.row("Project", self.folder, stretch=1)
        self.row("Voxel size", self.voxel_size, stretch=1)
        self.body.addWidget(self.voxel_size.fault)
        self.body.addWidget(self.about)

        bench.layers_changed.connect(self._on_layers)
        self.image.currentIndexChanged.connect(self._on_image)
        self.image.activated.connect(self._on_chosen_by_hand)
        self.channel.valueChanged.connect(self._on_place)
        self.time.valueChanged.connect(self._on_place)
        self.folder.changed.connect(self._on_folder)
        self.voxel_size.typed.connect(self._on_size)
        for widget in (self.image, self.channel, self.time, self.folder):
            self.enabled_when(widget, lambda: not bench.runner.running)
        self.enabled_when(
            self.voxel_size,
            lambda: self.image.currentData() is not None and not bench.runner.running,
        )
        self._on_layers()
        if not self._layers:
            self._on_image()

    def _on_layers(self) -> None:
        """Keep the list of images, and the choice where it still is there."""
        layers = of_others(self.bench.viewer, Image)
        if set(layers) == set(self._layers):
            return  # also where they have another order: an image may be about to be opened
        # Also an image that cannot be used stays chosen, and its reason in sight.
        chosen = self.bench.image or self.image.currentData()
        self._layers = layers
        wanted = chosen or self._worked_on()
        offer(self.image, {layer: layer.name for layer in layers}, wanted)
        for layer in layers:
            layer.events.name.connect(self._on_renamed)
        if chosen not in layers:
            if chosen is not None:
                self._gone = True
                self._split = chosen.data.shape[:-1] if chosen.rgb else None
            elif all(layer.data.shape != self._split for layer in layers):
                self._gone = False  # what is opened after all were gone stands for none of them
            self._on_image()
        self._say_picked()
        self._take_colour()

    def _take_colour(self) -> None:
        """Take the colour in which most is seen, once all of a picture that was split are there."""
        colours = [each for each in self._layers if each.data.shape == self._split]
        # Others would have to be read first, for which the window would wait.
        if len(colours) < _COLOURS or not all(map(in_memory, colours)):
            return
        best, self._split = of_most_contrast(colours), None
        self.image.setCurrentIndex(self._layers.index(best))
        self.picked.setText(
            f"Of the colours <b>{shortened(best.name)}</b> ({best.colormap.name}) is taken, in "
            "which most is seen. Choose another here, if you mean that."
        )

    def _say_picked(self) -> None:
        """Say which image stands for one that is gone, where it could be another."""
        layer, count = self.image.currentData(), len(self._layers)
        said = self._gone and layer is not None and count > 1
        if said:
            self.picked.setText(
                f"The image that was chosen is gone: <b>{shortened(layer.name)}</b> is taken now, "
                f"one of {count}. Choose another here, if you mean that."
            )
        self.picked.setVisible(said)

    def _worked_on(self) -> Image | None:
        """The active image, which hides others, or the first channel of its file."""
        active = self.bench.viewer.layers.selection.active
        if active not in self._layers:
            return None
        source = source_of(active)
        of_file = (each for each in self._layers if source and source_of(each) == source)
        return next(of_file, active)

    def _on_renamed(self, event: Any) -> None:
        if event.source in self._layers and not self.bench.ended:
            self.image.setItemText(self._layers.index(event.source), event.source.name)

    def _on_image(self) -> None:
        layer = self.image.currentData()
        channel = time = 0
        if layer is not None:
            channel, time = (self._part.shown(axis, layer) or 0 for axis in "CT")
        self._offer_places(layer, channel, time)
        self._open(layer)

    def _on_chosen_by_hand(self) -> None:
        """Show an image that lies beside what is in view or below others, or was hidden."""
        layer, viewer = self.bench.image, self.bench.viewer
        self._gone = False
        self._say_picked()
        if layer is not self.image.currentData() or layer is None:
            return
        layer.visible = True
        uncover(viewer, layer)
        viewer.layers.selection.active = layer
        if viewer.dims.ndisplay == 2 and not is_in_view(viewer, layer):
            fly_to(viewer, layer, (0, 0, 0), self.bench.opened_volume.shape)

    def _offer_places(self, layer: Image | None, channel: int = 0, time: int = 0) -> None:
        """Offer the channels and time points of a layer."""
        counts: dict[str, int] = {}
        if layer is not None and (self.bench.colours_will_do or not layer.rgb):
            try:
                counts = extra_axes(layer)
            except InputError:
                counts = {}  # said again, and shown, when it is opened
        for axis, label, number, value in (
            ("C", self.channel_label, self.channel, channel),
            ("T", self.time_label, self.time, time),
        ):
            with signals_blocked(number):
                number.setRange(0, max(counts.get(axis, 1) - 1, 0))
                number.setValue(value)
            label.setVisible(axis in counts)
            number.setVisible(axis in counts)

    def _on_place(self) -> None:
        self._open(self.bench.image, keep_folder=True)

    def _on_folder(self) -> None:
        if self.bench.image is not None and self.folder.path is not None:
            self._open(self.bench.image, keep_folder=True)

    def _on_size(self, text: str) -> None:
        layer = self.image.currentData()
        try:
            self.bench.keep_typed(text, layer, self.folder.path)
        except InputError as error:
            self.voxel_size.complain(str(error))
            return
        self._open(layer, keep_folder=True, size=text)

    def _open(
        self, layer: Image | None, keep_folder: bool = False, size: str | None = None
    ) -> None:
        bench = self.bench
        folder = self.folder.path if keep_folder else None
        self._following.follow(layer)
        self._part.follow(layer)
        try:
            if layer is None:
                bench.close()
            else:
                bench.open(layer, self.channel.value(), self.time.value(), folder, size)
        except InputError as error:
            if bench.image is not None:
                # What is painted on it could not be saved, so it stays open.
                bench.report(error)
                self._show_choice()
                return
            # It may have been picked by itself, so that a notification would come as a surprise.
            self.folder.path = None
            self.voxel_size.show_size("" if layer is None else to_edit(layer))
            self.about.setText(str(error))
            self.bring_into_sight(self.about)
            return
        self.folder.path = bench.folder
        if bench.volume is None or layer is None:
            self.voxel_size.show_size("")
            self.about.setText("No image is open.")
            return
        self.voxel_size.show_size(to_edit(layer))
        self.about.setText(in_words(layer, bench.volume))
        self._following.settle()

    def _reopen(self) -> None:
        self._open(self.bench.image or self.image.currentData(), keep_folder=True)

    def shut_down(self) -> None:
        """Let go of the viewer: the dock is being closed."""
        self._part.stop()

    def _show_choice(self) -> None:
        """Show again what is open."""
        bench = self.bench
        if bench.image in self._layers:
            with signals_blocked(self.image):
                self.image.setCurrentIndex(self._layers.index(bench.image))
        self._following.follow(bench.image)
        self._offer_places(bench.image, bench.channel, bench.time)
        self.folder.path = bench.folder
