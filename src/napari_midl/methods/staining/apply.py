"""The dense models of staining: a stain of a mosaic, and its reflectance without speckle."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_midl.engine.dense import DenseModel, OutputFormat
from napari_midl.engine.jobs import Job, elsewhere
from napari_midl.engine.ready_model import ReadyModel
from napari_midl.engine.tiles import Tiling
from napari_midl.methods.staining.beyond import filled
from napari_midl.methods.staining.stained import COLOURS, never_black
from napari_midl.methods.staining.watermark import NOTICE, watermarked
from napari_midl.volumes.multiscales import HOLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from napari_midl.engine.dense import Scale
    from napari_midl.methods.staining.mosaic import Mosaic
    from napari_midl.methods.staining.pipeline import Pipeline
    from napari_midl.methods.staining.settings import DespeckleSettings, StainSettings
    from napari_midl.volumes.boxes import Box

DOUBT = "doubt"
_HEXADECIMAL = ("FF0000", "00FF00", "0000FF", "FFFFFF")


class MosaicModel(DenseModel):
    """A pipeline and the mosaic to apply it to, slice by slice.

    Parameters
    ----------
    mosaic : Mosaic
        What to work on.
    pipeline : Pipeline
        The stages; it is copied.
    settings : StainSettings or DespeckleSettings
        Tile, device, and how the output is stored.
    identity : dict, optional
        What an output depends on.

    Attributes
    ----------
    layout : torch.memory_format
        Convolutions with channels last are twice as quick, and differ in their last bits from what
        was taught so far.
    """

    layout = torch.contiguous_format

    def __init__(
        self,
        mosaic: Mosaic,
        pipeline: Pipeline,
        settings: StainSettings | DespeckleSettings,
        identity: dict[str, Any] | None = None,
    ) -> None:
        self.channels, self.device = mosaic.channels, settings.device
        halo, stride, tile = pipeline.halo, pipeline.stride, settings.tile
        self.tiling = Tiling(mosaic.shape, (1, tile, tile), (0, halo, halo), (1, stride, stride))
        self._mosaic, self._pipeline, self._identity = mosaic, pipeline, identity or {}

    def scalings(self) -> Sequence[Scale]:
        """Those that the mosaic has fixed; what is beyond them, or no number, is still to see."""
        return [scaling.uncut for scaling in self._mosaic.scalings]

    def network(self) -> Pipeline:
        """A copy, exposed for the mosaic."""
        pipeline = copy.deepcopy(self._pipeline)
        pipeline.to(memory_format=self.layout)  # type: ignore[call-overload]
        if pipeline.is_exposed:
            pipeline.expose(self._mosaic)
        return pipeline

    def identity(self) -> dict[str, Any]:
        """What the output depends on."""
        return self._identity

    def tensor(self, scaled: NDArray[np.float32]) -> Tensor:
        """The slices ``(z, C, y, x)``, cut to the scale."""
        return _slices(scaled.clip(0, 1), self.layout)

    def forward(self, network: nn.Module, tensor: Tensor) -> NDArray[np.float32]:
        """What the last stage gives; empty where a channel is no number."""
        return _channels_first(_emptied(network(tensor), tensor))

    @property
    def output_format(self) -> OutputFormat:
        """The channels, scaled."""
        return OutputFormat(
            name=self.channels[0].name,
            dtype="float32",
            chunks=(len(self.channels), *self.tiling.core_size),
            channels=[volume.name for volume in self.channels],
        )

    def stored(self, block: NDArray[np.float32], region: Box) -> Sequence[NDArray[Any]]:
        """As the last stage gives them."""
        return [block]


class Staining(MosaicModel):
    """A stain of fluorescence and reflectance, 8-bit colours and maybe doubt."""

    layout = torch.channels_last

    def __init__(
        self,
        mosaic: Mosaic,
        pipeline: Pipeline,
        settings: StainSettings,
        identity: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(mosaic, pipeline, settings, identity)
        self._settings = settings

    @property
    def output_format(self) -> OutputFormat:
        """Red, green and blue, and where not to trust them."""
        settings = self._settings
        channels = COLOURS + (DOUBT,) * settings.doubt
        return OutputFormat(
            name=f"{self.channels[0].name} {settings.method} ({NOTICE})",
            dtype="uint8",
            chunks=(len(channels), *self.tiling.core_size),
            channels=channels,
            colours=_HEXADECIMAL,
            about={"notice": NOTICE, "method": settings.method, HOLES: True},
        )

    def stored(self, block: NDArray[np.float32], region: Box) -> Sequence[NDArray[Any]]:
        """Bytes, with the watermark where it is asked for."""
        colours = np.rint(block * 255).clip(0, 255).astype(np.uint8)
        marked = watermarked(colours, region) if self._settings.watermark else colours
        return [never_black(marked)]


class Despeckling(MosaicModel):
    """Reflectance without its speckle, in the intensities and the type of the input."""

    layout = torch.channels_last

    @property
    def output_format(self) -> OutputFormat:
        """One channel without a name."""
        volume = self.channels[0]
        return OutputFormat(
            name=f"{volume.name} despeckled",
            dtype=str(volume.data.dtype),
            chunks=(1, *self.tiling.core_size),
        )

    def tensor(self, scaled: NDArray[np.float32]) -> Tensor:
        """The slices ``(z, 1, y, x)``, also what is beyond the scale."""
        return _slices(scaled, self.layout)

    def forward(self, network: nn.Module, tensor: Tensor) -> NDArray[np.float32]:
        """What the despeckler gives; what is no number stays as it is."""
        return _channels_first(network(tensor).where(tensor.isfinite(), tensor))

    def stored(self, block: NDArray[np.float32], region: Box) -> Sequence[NDArray[Any]]:
        """Intensities as they are stored in the input."""
        (scaling,) = self._mosaic.scalings
        return [scaling.back(block, self.channels[0].data.dtype)]


def ready(
    mosaic: Mosaic, pipeline: Pipeline, settings: StainSettings | DespeckleSettings
) -> Job[ReadyModel]:
    """Make a pipeline ready for a mosaic, in a thread of its own."""
    model = MosaicModel(mosaic, pipeline, settings)
    return (yield from elsewhere(lambda: ReadyModel(model), "looking at the mosaic"))


def stages(ready: ReadyModel, region: Box) -> Iterator[NDArray[np.float32]]:
    """What goes into a pipeline in a region, ``(C, z, y, x)``, then what each stage gives."""
    outer, inner = ready.tiling.expand(region)
    given = ready.tensor(ready.read(outer))
    maps = filled(given)
    yield _channels_first(_emptied(maps, given))[(slice(None), *inner)]
    for stage in ready.network.get_submodule("stages").children():
        with torch.inference_mode():
            maps = stage(maps)
        yield _channels_first(_emptied(maps, given))[(slice(None), *inner)]


def _emptied(maps: Tensor, given: Tensor) -> Tensor:
    """Dark channels, or white colours without doubt, where something given is no number."""
    empty = torch.zeros(maps.shape[1], device=maps.device)
    if len(empty) >= len(COLOURS):
        empty[: len(COLOURS)] = 1
    return maps.where(given.isfinite().all(1, keepdim=True), empty[:, None, None])


def _slices(scaled: NDArray[np.float32], layout: torch.memory_format) -> Tensor:
    return torch.from_numpy(np.moveaxis(scaled, 1, 0)).contiguous(memory_format=layout)


def _channels_first(maps: Tensor) -> NDArray[np.float32]:
    return np.moveaxis(maps.float().cpu().numpy(), 0, 1)
