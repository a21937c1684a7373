from __future__ import annotations

import torch
from torch import nn

from napari_midl.engine.folding import fold_batch_norm


def test_folded_it_gives_the_same_with_fewer_layers():
    torch.manual_seed(0)
    for convolution, norm, image in (
        (nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), torch.rand(1, 1, 8, 8)),
        (nn.Conv3d(1, 4, 3), nn.BatchNorm3d(4), torch.rand(1, 1, 6, 8, 8)),
    ):
        nn.init.uniform_(norm.weight)
        nn.init.uniform_(norm.running_mean)
        network = nn.Sequential(nn.Sequential(convolution, norm, nn.PReLU()), nn.ReLU()).eval()
        folded = fold_batch_norm(network)
        with torch.inference_mode():
            torch.testing.assert_close(folded(image), network(image))
        assert not any(isinstance(m, type(norm)) for m in folded.modules())
        assert any(isinstance(m, type(norm)) for m in network.modules())
