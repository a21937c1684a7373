from __future__ import annotations

import torch
from torch import nn

from napari_midl.engine.frozen_norm import freeze_group_norm


def network() -> nn.Module:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv3d(1, 4, 1), nn.GroupNorm(2, 4), nn.Conv3d(4, 1, 1)).eval()
    nn.init.normal_(net[1].weight)
    nn.init.normal_(net[1].bias)
    return net


def test_frozen_on_the_whole_it_gives_what_the_whole_gives():
    image = torch.rand(1, 1, 4, 8, 8)
    net = network()
    with torch.inference_mode():
        torch.testing.assert_close(freeze_group_norm(net, [image])(image), net(image))


def test_frozen_a_tile_is_a_cut_of_the_whole():
    image = torch.rand(1, 1, 4, 8, 8)
    image[..., :4] *= 5
    net = network()
    frozen = freeze_group_norm(net, [image])
    with torch.inference_mode():
        torch.testing.assert_close(frozen(image[..., :4]), frozen(image)[..., :4])
        assert not torch.allclose(net(image[..., :4]), net(image)[..., :4], atol=1e-3)


def test_a_network_without_group_norm_is_left_alone():
    net = nn.Sequential(nn.Conv3d(1, 1, 1))
    assert freeze_group_norm(net, []) is net


def test_planes_are_frozen_as_well_as_stacks():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.GroupNorm(4, 4)).eval()
    image = torch.rand(1, 2, 16, 16)
    with torch.inference_mode():
        torch.testing.assert_close(freeze_group_norm(net, [image])(image), net(image))
