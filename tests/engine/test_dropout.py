from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_midl.engine.dropout import Dropout, Dropout3d, drawing_from
from napari_midl.engine.initialisation import WeightsFrom
from napari_midl.engine.uncertainty import dropout_on


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("ours", "torchs", "shape"),
    [(Dropout, nn.Dropout, (40, 50)), (Dropout3d, nn.Dropout3d, (6, 16, 2, 3, 4))],
)
def test_the_masks_are_torchs_for_the_same_seed(ours, torchs, shape):
    maps = torch.rand(shape, generator=seeded(0))
    with torch.random.fork_rng():
        torch.manual_seed(5)
        expected = torchs(0.3)(maps)
    layer = ours(0.3)
    with drawing_from(layer, seeded(5)):
        found = layer(maps)
    assert torch.equal(found, expected)
    assert (found == 0).any() and (found != 0).any()


def test_a_mask_has_a_generator_or_is_refused():
    with pytest.raises(RuntimeError, match="drawing_from"):
        Dropout(0.5)(torch.ones(4))
    assert torch.equal(Dropout(0.5).eval()(torch.ones(4)), torch.ones(4))


def test_only_the_dropout_is_switched_on_and_off_again():
    network = nn.Sequential(nn.BatchNorm3d(2), Dropout3d(0.5), nn.Sequential(Dropout(0.5))).eval()
    maps = torch.ones(1, 2, 2, 2, 2)
    with dropout_on(network, seeded(1)):
        assert [m.training for m in (network[0], network[1], network[2][0])] == [False, True, True]
        first, second = network(maps), network(maps)
    with dropout_on(network, seeded(1)):
        assert torch.equal(network(maps), first)
    assert not torch.equal(first, second)
    assert not any(module.training for module in network.modules())
    assert not list(network[1].state_dict())


def test_first_weights_come_from_the_seed_and_leave_the_process_alone():
    def layers() -> nn.Module:
        return nn.Sequential(nn.Conv3d(2, 3, 2), nn.Linear(3, 4), nn.ConvTranspose2d(1, 2, 2))

    with torch.random.fork_rng():
        torch.manual_seed(7)
        expected = layers().state_dict()
    before = torch.get_rng_state()
    with WeightsFrom(7):
        found = layers().state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert torch.equal(torch.get_rng_state(), before)
