"""What the sections of the staining dock share: the two channels and the stain that is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_midl.widgets.bench import Bench
from napari_midl.widgets.images import channel_of, plane_or_stack_of
from napari_midl.widgets.project import default_folder

if TYPE_CHECKING:
    from pathlib import Path

    from napari.layers import Image
    from qtpy.QtCore import QObject

    from napari_midl.methods.staining.mosaic import Mosaic
    from napari_midl.volumes.volume import Volume
    from napari_midl.widgets.staining.layers import StainLayers


@dataclass(frozen=True)
class Source:
    """A channel that can be picked: a layer, and which of its channels.

    Parameters
    ----------
    layer : Image
        Where it is.
    channel : int
        Counted from 0.
    """

    layer: Image
    channel: int = 0

    def volume(self) -> Volume:
        """The channel with axes ``Z Y X``; no pixel is read."""
        return plane_or_stack_of(self.layer, self.channel)

    @property
    def in_file(self) -> int:
        """Channel of the layer's file."""
        return channel_of(self.layer, self.channel)


class Workbench(Bench):
    """The state of the dock; the sections change it and follow its signals.

    Attributes
    ----------
    fluorescence, reflectance : Source or None
        The channels, and `volumes` in that order.
    mosaic : Mosaic or None
        The two on their frozen scale, once a job has measured it.
    stain : StainLayers or None
        The stain that is shown.
    """

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(viewer, parent)
        self.fluorescence: Source | None = None
        self.reflectance: Source | None = None
        self.volumes: tuple[Volume, ...] = ()
        self.mosaic: Mosaic | None = None
        self.stain: StainLayers | None = None

    def open(self, fluorescence: Source, reflectance: Source, folder: Path | None = None) -> None:
        """Change to other channels.

        Raises
        ------
        InputError
            If one cannot be used; then none is open.
        """
        self.close()
        volumes = (fluorescence.volume(), reflectance.volume())
        self.fluorescence, self.reflectance, self.volumes = fluorescence, reflectance, volumes
        self.image, self.volume = reflectance.layer, volumes[1]
        self.folder = folder or default_folder(self.volume)
        self.opened.emit()
        self.changed.emit()

    def close(self) -> None:
        """Close the channels; the layers of their stain stay with the person."""
        self.runner.cancel()
        self.stain = self.mosaic = self.fluorescence = self.reflectance = None
        self.image = self.volume = self.folder = None
        self.volumes = ()
        self.opened.emit()
        self.changed.emit()

    def show_stain(self, stain: StainLayers) -> None:
        """Show a stain over those that are shown, to compare them."""
        self.stain = stain
        self.changed.emit()

    def shut_down(self) -> None:
        """End the job; the layers stay."""
        self.ended = True
        self.runner.shut_down()
