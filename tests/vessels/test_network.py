from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_midl.engine.dropout import drawing_from
from napari_midl.engine.unet import for_prediction
from napari_midl.errors import InputError
from napari_midl.methods.vessels.network import ARCHITECTURES, build_network


def test_the_full_size_network_is_the_papers():
    net = build_network("tubenet")
    assert net.design.channels == (32, 64, 128, 256, 512, 1024)
    assert net.stride == (32, 32, 32)
    slopes = {m.negative_slope for m in net.modules() if isinstance(m, nn.LeakyReLU)}
    assert slopes == {0.2}
    groups = [m for m in net.modules() if isinstance(m, nn.GroupNorm)]
    assert all(g.num_channels // g.num_groups == 4 for g in groups)
    assert {m.p for m in net.modules() if isinstance(m, nn.Dropout3d)} == {0.3}
    assert sum(isinstance(m, nn.ConvTranspose3d) for m in net.modules()) == 5


@pytest.mark.parametrize("preset", ARCHITECTURES)
@torch.inference_mode()
def test_any_size_goes_in_and_comes_out(preset):
    net = build_network(preset).eval()
    shape = (5, 17, 30) if preset == "compact" else (3, 33, 17)
    assert net(torch.rand(1, 1, *shape)).shape == (1, 1, *shape)


def test_the_attention_preset_gates_every_skip():
    net = build_network("tubenet-attention")
    assert all(level.attention is not None for level in net.decoder)
    assert all(level.attention is None for level in build_network("tubenet").decoder)


@torch.inference_mode()
def test_folding_the_normalisation_changes_nothing():
    generator = torch.Generator().manual_seed(0)
    net = build_network("compact")
    with drawing_from(net, generator):
        for _ in range(3):
            net(torch.rand(1, 1, 8, 16, 16, generator=generator))
    net.eval()
    folded = for_prediction(net)
    assert not any(isinstance(m, nn.BatchNorm3d) for m in folded.modules())
    image = torch.rand(1, 1, 8, 16, 16)
    torch.testing.assert_close(folded(image), net(image), atol=1e-5, rtol=1e-4)


def test_nothing_beyond_the_halo_reaches_a_voxel():
    net = build_network("compact").eval()
    image = torch.rand(1, 1, 48, 96, 96, requires_grad=True)
    z, y, x = 24, 48, 48
    net(image)[0, 0, z, y, x].backward()
    assert image.grad is not None
    reached = image.grad[0, 0].nonzero()
    distance = (reached - torch.tensor([z, y, x])).abs().amax(0)
    assert (distance <= torch.tensor(net.halo)).all()
    assert (distance > torch.tensor(net.halo) // 2).all()


def test_an_unknown_preset_is_named():
    with pytest.raises(InputError, match="'huge' is no preset"):
        build_network("huge")
