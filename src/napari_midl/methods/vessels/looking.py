"""What a vessel network of any kind says of a region of a painted image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_midl.engine.tiles import Tiling
from napari_midl.methods.vessels.network import VesselNet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import nn

    from napari_midl.engine.annotation import PaintedVolume
    from napari_midl.engine.holding_out import Block
    from napari_midl.volumes.boxes import Box

    Floats = NDArray[np.float32]


def look(network: nn.Module, painted: PaintedVolume, region: Box) -> Floats:
    """Probability of vessel ``(z, y, x)`` in a region, by a network of any kind."""
    z, y, x = painted.shape
    shape = (z, y, x)
    outer, inner = Tiling(shape, shape, network.halo, network.stride).expand(region)  # type: ignore[arg-type]
    device = next(network.parameters()).device
    image = torch.from_numpy(np.ascontiguousarray(painted.read(outer)))[None, None].to(device)
    with torch.inference_mode():
        deep = isinstance(network, VesselNet)
        logits = network(image)[..., *inner] if deep else network(image, inner)
        found: Floats = torch.sigmoid(logits)[0, 0].float().cpu().numpy()
    return found


def answers(
    network: nn.Module, painted: PaintedVolume, blocks: Sequence[Block]
) -> tuple[Floats, NDArray[np.uint8]]:
    """What a network says of the painted voxels of some blocks, and their labels."""
    found, labels = [np.zeros(0, np.float32)], [np.zeros(0, np.uint8)]
    for outer, inner in painted.regions(blocks):
        z, y, x = (
            slice(o.start + i.start, o.start + i.stop) for o, i in zip(outer, inner, strict=True)
        )
        label = painted.labels((z, y, x), held_out=None)
        found.append(look(network, painted, (z, y, x))[label > 0])
        labels.append(label[label > 0])
    return np.concatenate(found), np.concatenate(labels)
