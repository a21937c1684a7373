"""The networks of the papers, U-Net, DeepVesselNet and MO-Net, and one that sees single voxels.

A name tells all of a network: ``unet-3d-compact 2>4`` takes two channels and tells four classes
apart; ``mo-net-2d-full 1>9+4`` has a second decoder for four.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from napari_midl.engine.deepvesselnet import DeepVesselNet
from napari_midl.engine.pixels.network import PixelNetwork
from napari_midl.engine.unet import Architecture, UNet, decode, make_decoder
from napari_midl.errors import InputError

if TYPE_CHECKING:
    from napari_midl.methods.segment.settings import Kind, Scope, Width

_MOST = 512  # channels, and classes
_CUBES = ((1, 2, 2), (2, 2, 2), (2, 2, 2))
_DESIGNS = {
    "compact": Architecture((16, 32, 64), _CUBES[:2], "batch", (0.0, 0.1, 0.3)),
    "full": Architecture((32, 64, 128, 256), _CUBES, "batch", (0.0, 0.1, 0.2, 0.3)),
}
_NAME = re.compile(r"(unet|mo-net|deepvesselnet|pixels)(?:-([23]d)-(\w+))? (\d+)>(\d+)(?:\+(\d+))?")


class MultiOutputNet(UNet):
    """MO-Net: one encoder and two decoders, for full labels and for partial ones.

    Dai et al., *Transfer learning from partial annotations for whole brain segmentation*, 2019.

    Parameters
    ----------
    design : Architecture
        Of the U-Net that either decoder makes with the encoder.
    inputs, outputs, partial : int
        Channels that go in, classes of the first decoder and of the second.
    """

    def __init__(self, design: Architecture, inputs: int, outputs: int, partial: int) -> None:
        super().__init__(design, inputs, outputs)
        self.second_decoder = make_decoder(design)
        self.second_head = nn.Conv3d(design.channels[0], partial, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of the first decoder's classes, then of the second's."""
        maps, skips = self.encode(image)
        first = self.head(decode(self.decoder, maps, skips))
        second = self.second_head(decode(self.second_decoder, maps, skips))
        z, y, x = image.shape[2:]
        return torch.cat([first, second], dim=1)[:, :, :z, :y, :x]


SegmentNet = UNet | DeepVesselNet


def named(
    kind: str, dimensions: str, width: str, inputs: int, outputs: int, partial: int = 0
) -> str:
    """The name of a network."""
    size = "" if kind == "deepvesselnet" else f"-{dimensions}-{width}"
    return f"{kind}{size} {inputs}>{outputs}{f'+{partial}' if kind == 'mo-net' else ''}"


def kind_of(name: str) -> tuple[Kind, Literal["2d", "3d"], Width]:
    """Kind, dimensions and width of the network of a name."""
    kind, dimensions, width, *_ = _parts(name)
    return kind, dimensions or "3d", width or "compact"  # type: ignore[return-value]


def build(name: str) -> SegmentNet | PixelNetwork:
    """A fresh network of a name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    kind, dimensions, width, inputs, outputs, partial = _parts(name)
    if kind == "deepvesselnet":
        return DeepVesselNet(inputs, outputs)
    if kind == "pixels":
        return PixelNetwork(1, outputs, inputs, dimensions == "2d")
    design = _DESIGNS[width]
    design = design.by_slice() if dimensions == "2d" else design
    if kind == "mo-net":
        return MultiOutputNet(design, inputs, outputs, partial)
    return UNet(design, inputs, outputs)


def layers_in(network: nn.Module, scope: Scope) -> list[nn.Module]:
    """What of a network learns in a scope; the last layers are three, as with Kaur et al."""
    if scope == "everything":
        return [network]
    last = scope == "last-layers"
    if isinstance(network, DeepVesselNet):
        return [*network.layers[2 if last else 1 :], network.head]
    assert isinstance(network, UNet)
    decoders, heads = [network.decoder], [network.head]
    if isinstance(network, MultiOutputNet):
        decoders, heads = [*decoders, network.second_decoder], [*heads, network.second_head]
    if last:
        return [*(decoder.get_submodule("0.convolutions") for decoder in decoders), *heads]
    return [*decoders, *heads]


def _parts(name: str) -> tuple[str, str, str, int, int, int]:
    found = _NAME.fullmatch(name)
    if (
        found is None
        or (found[3] and found[3] not in _DESIGNS)
        or ((found[1] == "deepvesselnet") == bool(found[2]))
    ):
        raise InputError(f"{name!r} is no network of this version; train the model anew.")
    numbers = [int(found[4]), int(found[5]), int(found[6] or 0)]
    if not (1 <= numbers[0] <= _MOST and 2 <= numbers[1] <= _MOST and numbers[2] <= _MOST):
        raise InputError(f"{name!r} is a network of more than can be; train the model anew.")
    return found[1], found[2] or "", found[3] or "", *numbers  # type: ignore[return-value]
