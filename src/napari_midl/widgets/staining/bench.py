"""What the sections of the staining dock share: the two channels and the stain that is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_midl.errors import InputError
from napari_midl.methods.staining.ports import ChannelIn
from napari_midl.volumes.laying import laid_on
from napari_midl.widgets.images import channel_of, extra_axes, volume_of
from napari_midl.widgets.sizes import to_record
from napari_midl.widgets.staining.layers import StainLayers
from napari_midl.widgets.tool.output_section import StreamBench

if TYPE_CHECKING:
    from pathlib import Path

    from napari.layers import Image
    from qtpy.QtCore import QObject

    from napari_midl.methods.staining.mosaic import Mosaic
    from napari_midl.volumes.volume import Volume


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

    @property
    def times(self) -> int:
        """How many time points there are of it."""
        return extra_axes(self.layer).get("T", 1)

    def volume(self, time: int) -> Volume:
        """The channel at a time point with axes ``Z Y X``; no pixel is read."""
        return volume_of(self.layer, self.channel, self._own(time), plane=True)

    @property
    def in_file(self) -> int:
        """Channel of the layer's file."""
        return channel_of(self.layer, self.channel)

    def port(self, volume: Volume, time: int) -> ChannelIn:
        """The channel for an operation, as the volume that is open of it at a time point."""
        typed = to_record(self.layer, self.volume(time))
        return ChannelIn.of(volume, self.in_file, self._own(time), typed)

    def _own(self, time: int) -> int:
        """That of its own; one that has no time points is the same at each."""
        return min(time, self.times - 1)


class StainingBench(StreamBench[StainLayers]):
    """The state of the staining dock; `image` is the layer of the reflectance.

    Attributes
    ----------
    fluorescence, reflectance : Source or None
        The channels, and `volumes` in that order.
    mosaic : Mosaic or None
        The two on their frozen scale, once a job has measured it.
    """

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(viewer, parent)
        self.fluorescence: Source | None = None
        self.reflectance: Source | None = None
        self.volumes: tuple[Volume, ...] = ()
        self.mosaic: Mosaic | None = None
        self._prints: tuple[str, ...] = ()

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Of the `volumes`, read when they are asked for first."""
        if not self._prints:
            self._prints = tuple(v.identity()["fingerprint"] for v in self.volumes)
        return self._prints

    def open_pair(
        self,
        fluorescence: Source,
        reflectance: Source,
        time: int = 0,
        folder: Path | None = None,
        size: str | None = None,
    ) -> None:
        """Change to other channels; `time`, `folder` and `size` are as by `open`.

        Raises
        ------
        InputError
            If one cannot be used, or they are not of one mosaic; then none is open.
        """
        self.close()
        counts = {source.times for source in (fluorescence, reflectance)} - {1}
        if len(counts) > 1:
            raise InputError(
                f"{fluorescence.layer.name} has {fluorescence.times} time points and "
                f"{reflectance.layer.name} {reflectance.times}; choose channels of one series."
            )
        self.give_size((reflectance.layer, fluorescence.layer), folder, size)
        fluorescent = fluorescence.volume(time)
        volumes = (fluorescent, laid_on(reflectance.volume(time), fluorescent))
        self.fluorescence, self.reflectance, self.volumes = fluorescence, reflectance, volumes
        self.take(reflectance.layer, volumes[1], reflectance.in_file, time, folder)

    def detach(self) -> None:
        """Forget the channels; the layers of their stains stay with the person."""
        self.mosaic = self.fluorescence = self.reflectance = None
        self.volumes = self._prints = ()
        if not self.ended:
            self.show(None)
