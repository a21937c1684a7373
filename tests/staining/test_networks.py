from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from napari_midl.engine.folding import fold_batch_norm
from napari_midl.errors import InputError
from napari_midl.methods.staining.adversarial import CycleGan, ImagePool, PatchDiscriminator
from napari_midl.methods.staining.despeckler import build_despeckler, median_3x3
from napari_midl.methods.staining.generators import GAIN, DensityGenerator, build_translator
from napari_midl.methods.staining.models import named_despeckler, named_translator
from napari_midl.methods.staining.settings import TrainSettings
from napari_midl.methods.staining.speckle import speckle_to, speckled

SMALL = TrainSettings(crop=32)
RNG = np.random.default_rng(0)


def no_batch(rng, step):
    raise AssertionError("no step is taken here")


def stirred(network: nn.Module) -> nn.Module:
    """With weights and statistics that no initialisation has."""
    generator = torch.Generator().manual_seed(3)
    for value in network.state_dict().values():
        if value.is_floating_point():
            value.add_(0.1 * torch.rand(value.shape, generator=generator))
    return network.eval()


def test_the_paper_despeckler_is_the_papers():
    network = build_despeckler("paper")
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert [c.out_channels for c in convolutions] == [64] * 7 + [1]
    assert sum(isinstance(m, nn.BatchNorm2d) for m in network.modules()) == 6
    assert sum(isinstance(m, nn.PReLU) for m in network.modules()) == 7


def test_its_residual_is_multiplicative():
    network = stirred(build_despeckler("paper"))
    assert network(torch.zeros(1, 1, 12, 12)).abs().max() == 0
    network.body[-2].weight.data.zero_()
    network.body[-2].bias.data.fill_(0.5)
    image = torch.full((1, 1, 9, 9), 0.4)
    torch.testing.assert_close(network(image), image * (1 + torch.tanh(torch.tensor(0.5))))


def test_the_median_is_scipys():
    image = np.random.default_rng(0).random((17, 12), np.float32)
    ours = median_3x3(torch.from_numpy(image)[None, None])[0, 0].numpy()
    np.testing.assert_array_equal(ours, ndimage.median_filter(image, 3, mode="nearest"))


@pytest.mark.parametrize("preset", ["paper", "compact", "unet", "wide"])
def test_a_despeckler_reaches_no_further_than_its_halo(preset):
    network = fold_batch_norm(stirred(build_despeckler(preset)))
    torch.manual_seed(0)
    image = torch.rand(1, 1, 120, 120)
    _same_inside(network, image, network.halo, network.stride)


def test_a_picture_twice_as_bright_is_despeckled_to_twice_as_bright():
    network = build_despeckler("unet").eval()
    image = torch.rand(1, 1, 45, 51)
    with torch.inference_mode():
        torch.testing.assert_close(network(2 * image), 2 * network(image))
        assert network(image).shape == image.shape


def test_what_was_the_second_despeckler_is_the_one_that_serves_every_grain():
    assert named_despeckler("correlated").sha256 == named_despeckler("base").sha256


@pytest.mark.parametrize("preset", ["density", "compact"])
def test_a_generator_reaches_no_further_than_its_halo(preset):
    torch.manual_seed(0)
    network = fold_batch_norm(stirred(build_translator(preset)))
    _same_inside(network, torch.rand(1, 2, 136, 136), network.halo, network.stride)


def _same_inside(network: nn.Module, image: torch.Tensor, halo: int, stride: int) -> None:
    start = 2 * stride
    with torch.inference_mode():
        whole, part = network(image), network(image[..., start:, start:])
    margin = -(-halo // stride) * stride
    assert whole.shape[-1] - start > margin
    torch.testing.assert_close(
        part[..., margin:, margin:], whole[..., start + margin :, start + margin :]
    )
    assert not torch.equal(part[..., :1, :], whole[..., start : start + 1, start:])


@pytest.mark.parametrize("method", ["density", "cyclegan"])
def test_the_border_of_a_picture_has_the_colours_of_its_middle(method):
    network = named_translator("base", method).network
    even = torch.full((1, 2, 63, 81), 0.4)
    with torch.inference_mode():
        there = network(even)
        back = network.inverse(there)
    for found in (there, back):
        middle = found[..., 30:31, 40:41]
        assert (found - middle).abs().mean((0, 1))[[0, -1]].max() < 0.05
        assert (found - middle).abs().mean((0, 1))[:, [0, -1]].max() < 0.05


@pytest.mark.parametrize("preset", ["density", "compact", "resnet"])
def test_any_size_comes_back_in_0_to_1(preset):
    network = build_translator(preset).eval()
    with torch.inference_mode():
        colours = network(torch.rand(1, 2, 45, 51))
    assert colours.shape == (1, 3, 45, 51)
    assert colours.min() >= -0.02 and colours.max() <= 1.02


def test_the_density_generator_has_no_means_to_invent():
    generator = stirred(DensityGenerator())
    channels = torch.rand(1, 2, 64, 64)
    channels[:, 0, 10:30, 10:30] = 0
    densities = generator.densities(channels)
    assert densities[:, 0, 10:30, 10:30].max() == 0
    ratio = densities / generator.curve(channels).clamp(min=1e-9)
    inside = channels > 0.05
    assert ratio[inside].max() <= np.exp(GAIN) * 1.001
    assert ratio[inside].min() >= np.exp(-GAIN) / 1.001


def test_its_curves_rise():
    generator = stirred(DensityGenerator())
    ramp = torch.linspace(0, 1, 50).repeat(2, 1).reshape(1, 2, 1, 50)
    curve = generator.curve(ramp)[0, :, 0]
    assert (curve.diff(dim=1) > 0).all()
    assert curve[:, 0].abs().max() == 0


def test_unknown_presets_are_sentences():
    with pytest.raises(InputError, match="choose one of wide, unet"):
        build_despeckler("density")
    with pytest.raises(InputError, match="choose one of density, compact"):
        build_translator("paper")


def test_the_losses_by_hand():
    """Generators that do nothing and discriminators that say 0.25 everywhere."""
    translator = build_translator("compact")
    translator.start = nn.Identity()
    translator.generator = translator.inverse = _Plus(0.0)
    game = CycleGan(translator, no_batch, SMALL, width=4, layers=1)
    for discriminator in game.discriminators:
        discriminator.body = nn.Sequential(nn.Conv2d(3, 1, 1))
        nn.init.zeros_(discriminator.body[0].weight)
        nn.init.constant_(discriminator.body[0].bias, 0.25)
    a, b = torch.full((1, 3, 32, 32), 0.25), torch.full((1, 3, 32, 32), 0.75)
    losses = [float(part.detach()) for part in game.losses(a, b, RNG)]
    adversarial, cycle, identity, discriminator = losses
    assert cycle == 0 and identity == 0
    assert adversarial == pytest.approx(2 * 0.75**2)
    assert discriminator == pytest.approx(0.75**2 + 0.25**2)
    translator.generator = _Plus(0.125)
    losses = [float(part.detach()) for part in game.losses(a, b, RNG)]
    # Both ways round the cycle, and both images where identity is asked for, once 0.125.
    assert losses[1] == pytest.approx(0.25)
    assert losses[2] == pytest.approx(0.125)


def test_generators_do_not_teach_the_discriminators_nor_these_the_generators():
    game = CycleGan(build_translator("density"), no_batch, SMALL, width=4, layers=1)
    losses = game.losses(torch.rand(1, 2, 32, 32), torch.rand(1, 3, 32, 32), RNG)
    losses.adversarial.backward(retain_graph=True)
    assert all(p.grad is None for p in game.discriminators.parameters())
    assert any(p.grad is not None for p in game.translator.parameters())
    game.translator.zero_grad()
    losses.discriminator.backward()
    assert all(p.grad is None for p in game.translator.parameters())


def test_a_discriminator_sees_what_is_real_and_what_is_made_in_the_same_256_steps():
    translator = build_translator("compact")
    translator.start = nn.Identity()
    translator.generator = translator.inverse = _Plus(0.0)
    game = CycleGan(translator, no_batch, SMALL, width=4, layers=1)
    seen: list[torch.Tensor] = []
    for discriminator in game.discriminators:
        discriminator.register_forward_pre_hook(lambda _, images: seen.append(images[0].detach()))
    a, b = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    game.losses(a, b, RNG)
    # For each: what the generators learn from as it is, then real and made.
    for made, real, shown in (seen[:3], seen[3:]):
        assert not torch.equal(made, shown)
        for image in (real, shown):
            torch.testing.assert_close(image * 255, (image * 255).round(), atol=1e-4, rtol=0)


def test_each_side_has_its_own_optimiser_and_only_the_generators_are_averaged():
    """Discriminators as wrong as can be must not shorten the step of the generators."""
    translator = build_translator("density")
    batch = (torch.rand(1, 2, 32, 32), torch.rand(1, 3, 32, 32))
    game = CycleGan(translator, lambda rng, step: batch, SMALL, width=4, layers=1)
    state = game.init(torch.device("cpu"))
    owned = {
        name: {id(p) for g in o.param_groups for p in g["params"]}
        for name, o in state.optimisers.items()
    }
    assert owned == {
        name: {id(p) for p in network.parameters() if p.requires_grad}
        for name, network in state.networks.items()
    }
    assert list(state.averaged) == ["translator"]
    for parameter in game.discriminators.parameters():
        parameter.data.mul_(100.0)
    for _ in game.step(state, RNG, torch.Generator()):
        pass
    norms = {
        name: torch.cat([p.grad.flatten() for p in n.parameters() if p.grad is not None]).norm()
        for name, n in state.networks.items()
    }
    assert norms["discriminators"].item() == pytest.approx(5.0, rel=1e-3)
    assert norms["translator"] > 1.0


def test_the_rate_falls_to_zero_over_the_second_half_or_stays():
    def rates(steps: int) -> list[float]:
        settings = TrainSettings(crop=32, steps=steps)
        game = CycleGan(build_translator("density"), no_batch, settings, width=4, layers=1)
        return [game.rate(step) for step in (0, 50, 75, 100)]

    assert rates(100) == pytest.approx([1.0, 1.0, 0.5, 0.0])
    assert rates(0) == [1.0] * 4


class _Plus(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image + self.value


def test_the_pool_gives_older_images_back():
    pool, rng = ImagePool(1, 4), np.random.default_rng(0)
    shown = [float(pool(torch.full((1, 1, 8, 8), n / 255), rng).mean() * 255) for n in range(200)]
    assert shown[:50] == pytest.approx(list(range(50)))
    newest = np.isclose(shown[50:], np.arange(50, 200))
    assert 0.3 < newest.mean() < 0.7
    assert all(value <= n + 1e-3 for n, value in enumerate(shown))


def test_a_patch_discriminator_sees_70_pixels():
    discriminator = PatchDiscriminator(3).eval()
    for module in discriminator.modules():
        if isinstance(module, nn.GroupNorm):
            module.forward = lambda maps: maps  # it looks at all of the image
    image = torch.rand(1, 3, 256, 256, requires_grad=True)
    discriminator(image)[0, 0, 15, 15].backward()
    rows = torch.nonzero(image.grad.abs().sum((0, 1, 3)))
    assert int(rows.max() - rows.min()) + 1 == 70


@pytest.mark.parametrize("kind", ["gaussian", "gamma", "correlated"])
def test_speckle_has_the_deviation_asked_for(kind):
    noisy = speckled(np.full((200, 200), 0.5, np.float32), 0.2, kind, np.random.default_rng(0))
    assert noisy.mean() == pytest.approx(0.5, rel=0.01)
    assert noisy.std() / 0.5 == pytest.approx(0.2, rel=0.03)
    neighbours = np.corrcoef(noisy[:, 1:].ravel(), noisy[:, :-1].ravel())[0, 1]
    assert (neighbours > 0.4) == (kind == "correlated")


@pytest.mark.parametrize("kind", ["gaussian", "gamma"])
def test_coarse_grain_is_of_the_same_strength(kind):
    clean, rng = np.full((200, 200), 0.5, np.float32), np.random.default_rng(0)
    noisy = speckled(clean, 0.4, kind, rng, grain=1.2)
    assert noisy.mean() == pytest.approx(0.5, rel=0.03)
    assert noisy.std() / 0.5 == pytest.approx(0.4, rel=0.05)
    assert np.corrcoef(noisy[:, 1:].ravel(), noisy[:, :-1].ravel())[0, 1] > 0.7
    third = float(np.mean((noisy - 0.5) ** 3)) / noisy.std() ** 3
    assert (third > 0.5) == (kind == "gamma")


def test_speckle_is_raised_to_a_ratio():
    clean = np.random.default_rng(1).random((64, 64), np.float32)
    noisy = speckle_to(clean, 16.2, "gaussian", np.random.default_rng(0))
    assert -10 * np.log10(np.mean((noisy - clean) ** 2)) == pytest.approx(16.2, abs=0.02)
    with pytest.raises(InputError, match="no speckle"):
        speckled(clean, 0.2, "salt", np.random.default_rng(0))
