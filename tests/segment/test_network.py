from __future__ import annotations

import pytest
import torch

from napari_midl.engine.deepvesselnet import CrossHair, DeepVesselNet
from napari_midl.errors import InputError
from napari_midl.methods.segment.network import (
    MultiOutputNet,
    build,
    kind_of,
    layers_in,
    named,
)

NAMES = {
    "unet-2d-compact 3>4": 4,
    "unet-3d-compact 2>3": 3,
    "unet-3d-full 1>2": 2,
    "deepvesselnet 2>3": 3,
    "mo-net-3d-compact 1>5+3": 8,
    "mo-net-2d-compact 1>5+3": 8,
}
each_name = pytest.mark.parametrize("name", NAMES)


@each_name
@torch.inference_mode()
def test_any_size_goes_in_and_comes_out(name):
    channels = int(name.split()[1].split(">")[0])
    net = build(name).eval()
    assert net(torch.rand(1, channels, 3, 21, 18)).shape == (1, NAMES[name], 3, 21, 18)


@pytest.mark.parametrize(
    "name", ["unet-2d-compact 1>2", "unet-3d-compact 1>2", "deepvesselnet 1>2"]
)
def test_no_voxel_beyond_the_halo_changes_an_output(name):
    net = build(name).eval()
    image = torch.rand(1, 1, *(2 * halo + 3 for halo in net.halo)).requires_grad_()
    middle = [n // 2 for n in image.shape[2:]]
    net(image)[(0, 0, *middle)].backward()
    touched = image.grad[0].abs().sum(0).nonzero()
    for axis, halo in enumerate(net.halo):
        far = (touched[:, axis] - middle[axis]).abs().max()
        assert far <= halo


def test_a_network_of_slices_sees_each_alone():
    net = build("unet-2d-compact 1>2").eval()
    image = torch.rand(1, 1, 3, 16, 16)
    with torch.inference_mode():
        whole = net(image)
        torch.testing.assert_close(net(image[:, :, 1:2]), whole[:, :, 1:2])


def test_a_cross_hair_sees_three_planes_and_no_more():
    filters = CrossHair(1, 1, 3)
    for plane in filters.planes:
        torch.nn.init.ones_(plane.weight)
    point = torch.zeros(1, 1, 5, 5, 5)
    point[0, 0, 2, 2, 2] = 1
    seen = filters(point)[0, 0, 1:4, 1:4, 1:4]
    assert seen[1, 1, 1] == 3  # in all three planes
    assert seen[0, 0, 0] == 0  # a corner is in none
    assert (seen > 0).sum() == 27 - 8


def test_deepvesselnet_has_the_papers_layers():
    net = DeepVesselNet(1, 2)
    sizes = [layer[0].planes[0].weight.shape for layer in net.layers]
    assert [tuple(size) for size in sizes] == [
        (5, 1, 1, 3, 3),
        (10, 5, 1, 5, 5),
        (20, 10, 1, 5, 5),
        (50, 20, 1, 3, 3),
    ]


def test_both_decoders_share_one_encoder():
    net = build("mo-net-3d-compact 1>3+2").eval()
    assert isinstance(net, MultiOutputNet)
    net(torch.rand(1, 1, 4, 16, 16))[:, 3:].sum().backward()
    learns = [name for name, p in net.named_parameters() if p.grad is not None and p.grad.any()]
    assert {name.split(".")[0] for name in learns} == {"encoder", "second_decoder", "second_head"}


@each_name
def test_a_smaller_scope_is_a_part_of_a_larger_one(name):
    net = build(name)
    scopes = [
        {id(p) for layer in layers_in(net, scope) for p in layer.parameters()}
        for scope in ("last-layers", "decoder", "everything")
    ]
    assert scopes[0] < scopes[1] < scopes[2]
    assert all(id(p) in scopes[0] for p in net.head.parameters())
    assert id(next(net.parameters())) not in scopes[1]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_tells_all(name):
    kind, dimensions, width = kind_of(name)
    inputs, _, rest = name.split()[1].partition(">")
    outputs, _, second = rest.partition("+")
    assert named(kind, dimensions, width, int(inputs), int(outputs), int(second or 0)) == name


@pytest.mark.parametrize(
    "name",
    ["unet 1>2", "unet-3d-huge 1>2", "deepvesselnet-3d-compact 1>2", "unet-3d-full 1>1", "x 1>2"],
)
def test_other_names_are_refused(name):
    with pytest.raises(InputError, match="train the model anew"):
        build(name)


def test_too_many_classes_are_refused():
    with pytest.raises(InputError, match="more than can be"):
        build("unet-3d-compact 1>99999")
