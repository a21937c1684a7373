"""The tUbe net 3D U-Net as the paper draws it, and the compact preset that ships.

Holroyd et al., *tUbe net: a generalisable deep learning tool for 3D vessel
segmentation*, section 2.1 and figure 1 (network), 2.2 and figure 3 (attention).
"""

from __future__ import annotations

from torch import nn

from napari_midl.engine.models import preset_of
from napari_midl.engine.unet import Architecture, UNet

_PAPER_CHANNELS = (32, 64, 128, 256, 512, 1024)
ARCHITECTURES: dict[str, Architecture] = {
    "compact": Architecture((16, 32, 64), ((1, 2, 2), (2, 2, 2)), "batch", (0.0, 0.1, 0.3)),
    "tubenet": Architecture(_PAPER_CHANNELS, ((2, 2, 2),) * 5, "group", (0.3,) * 6),
    "tubenet-attention": Architecture(_PAPER_CHANNELS, ((2, 2, 2),) * 5, "group", (0.3,) * 6, True),
}


class VesselNet(UNet):
    """3D U-Net from one intensity channel to the logit of "inside a vessel".

    The paper ends in a softmax over two classes; one logit with a sigmoid is the
    same function with half the output.

    Parameters
    ----------
    design : Architecture
        Levels, normalisation, dropout, attention.
    """

    def __init__(self, design: Architecture) -> None:
        super().__init__(design)
        # A small volume of vessels to tissue: start from "background everywhere".
        assert self.head.bias is not None
        nn.init.constant_(self.head.bias, -2.0)


def build_network(preset: str) -> VesselNet:
    """A fresh network of a preset, such as ``compact``."""
    return VesselNet(preset_of(ARCHITECTURES, preset))
