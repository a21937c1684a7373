"""CycleGAN: two generators, two discriminators, and the three losses between them.

Zhu et al., *Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks*,
ICCV 2017, as Combalia et al., MIDL 2019, section 2.2 and figure 4, use it. A is what the generator
is given, B is the slide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from napari_midl.engine.initialisation import WeightsFrom
from napari_midl.engine.recipes import Draw, Recipe, Steps, adam, averaged, descend
from napari_midl.engine.train_state import TrainState

if TYPE_CHECKING:
    import numpy as np

    from napari_midl.methods.staining.generators import Translator
    from napari_midl.methods.staining.settings import TrainSettings

POOL = 50


class PatchDiscriminator(nn.Module):
    """Tells real from made, patch by patch (Isola et al., CVPR 2017: 70 x 70 pixels at full size).

    Parameters
    ----------
    channels : int
        Of the image.
    width : int
        Filters of the first layer; the paper's is 64.
    layers : int
        Stridden layers; the paper's are 3.
    """

    def __init__(self, channels: int, width: int = 64, layers: int = 3) -> None:
        super().__init__()
        body: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for layer in range(1, layers + 1):
            before, after = (width * 2 ** min(n, 3) for n in (layer - 1, layer))
            stride = 2 if layer < layers else 1
            body += [nn.Conv2d(before, after, 4, stride, 1), nn.GroupNorm(after, after)]
            body += [nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*body, nn.Conv2d(after, 1, 4, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Scores ``(N, 1, y, x)``, 1 for real and 0 for made, of an image in [0, 1]."""
        scores: Tensor = self.body(image * 2 - 1)
        return scores


class ImagePool(nn.Module):
    """The last made images: a discriminator that sees only the newest forgets (Zhu, section 4).

    They are 8-bit buffers, so that a checkpoint holds them. Of an image that is larger than
    they are its corner is kept; a discriminator looks at patches in any case.

    Parameters
    ----------
    channels, edge : int
        Of an image.
    """

    def __init__(self, channels: int, edge: int) -> None:
        super().__init__()
        empty = torch.zeros(POOL, channels, edge, edge, dtype=torch.uint8)
        self.register_buffer("images", empty)
        self.register_buffer("count", torch.tensor(0))

    @torch.no_grad()
    def forward(self, made: Tensor, rng: np.random.Generator) -> Tensor:
        """Take images in, and give back each or, for half of them, an older one in its place."""
        images, count = self.get_buffer("images"), self.get_buffer("count")
        height, width = images.shape[-2:]
        stored = _eight_bit(made[..., :height, :width])
        shown = []
        for image in stored:
            if count < POOL:
                images[count] = image
                count += 1
            elif rng.random() < 0.5:
                place = int(rng.integers(POOL))
                older = images[place].clone()
                images[place] = image
                image = older
            shown.append(image)
        return torch.stack(shown).float() / 255


class Losses(NamedTuple):
    """The parts of one step's loss, each a scalar."""

    adversarial: Tensor
    cycle: Tensor
    identity: Tensor
    discriminator: Tensor


class CycleGan(Recipe):
    """Two generators and two discriminators that learn against each other.

    Parameters
    ----------
    translator : Translator
        The generator from A to B, and its inverse; trained in place.
    draw : callable
        Makes a batch of A's channels ``(N, 2, Y, X)`` and of B ``(N, 3, Y, X)``.
    settings : TrainSettings
        Rate, weights of the losses, seed, and the edge of the images in the pools.
    width, layers : int
        Of the discriminators.
    """

    def __init__(
        self,
        translator: Translator,
        draw: Draw,
        settings: TrainSettings,
        width: int = 64,
        layers: int = 3,
    ) -> None:
        self.translator, self.draw, self.settings = translator, draw, settings
        channels = (translator.channels, 3)
        with WeightsFrom(settings.seed + 1):  # other weights than the generators begin with
            self.discriminators = nn.ModuleList(
                PatchDiscriminator(c, width, layers) for c in channels
            )
        self.pools = nn.ModuleList(ImagePool(c, settings.crop) for c in channels)

    def init(self, device: torch.device) -> TrainState:
        """An optimiser for either side; only the generators are averaged."""
        translator = self.translator.to(device)
        networks = {"translator": translator, "discriminators": self.discriminators.to(device)}
        rate = self.settings.learning_rate
        return TrainState(
            networks,
            {name: adam(n.parameters(), rate, momentum=0.5) for name, n in networks.items()},
            {"translator": averaged(translator, 0.998)},
            {"pools": self.pools.to(device)},
        )

    def rate(self, step: int) -> float:
        """Constant over the first half of the steps, then falling to zero; constant without end."""
        steps = self.settings.steps
        return min(1.0, max(0.0, 2 - 2 * step / steps)) if steps else 1.0

    def step(
        self, state: TrainState, rng: np.random.Generator, generator: torch.Generator
    ) -> Steps:
        """One step of the generators, and one of the discriminators on what was made before it."""
        yield from ()
        channels, slides = (images.to(generator.device) for images in self.draw(rng, state.step))
        parts = self.losses(channels, slides, rng)
        kept = parts.cycle + self.settings.identity * parts.identity
        loss = parts.adversarial + self.settings.cycle * kept
        descend(state.optimisers["translator"], loss)
        descend(state.optimisers["discriminators"], parts.discriminator)
        return {
            "loss": float(loss.detach()),
            "discriminator_loss": float(parts.discriminator.detach()),
        }

    def losses(self, channels: Tensor, slides: Tensor, rng: np.random.Generator) -> Losses:
        """Losses of both directions (least squares, as in Zhu et al., section 4).

        Parameters
        ----------
        channels : Tensor, shape (N, 2, Y, X)
            A batch of what A is made of.
        slides : Tensor, shape (N, 3, Y, X)
            A batch of B.
        rng : numpy.random.Generator
            What the pools draw from.
        """
        there, back = self.translator.generator, self.translator.inverse
        real_a = self.translator.start(channels)
        made_b, made_a = there(real_a), back(slides)
        cycle = F.l1_loss(back(made_b), real_a) + F.l1_loss(there(made_a), slides)
        # Only where A and B have as many channels can a generator be asked to leave B alone.
        identity = made_b.new_zeros(())
        if real_a.shape[1] == slides.shape[1]:
            identity = F.l1_loss(there(slides), slides) + F.l1_loss(back(real_a), real_a)
        adversarial = made_b.new_zeros(())
        discriminator = made_b.new_zeros(())
        pairs = zip(
            self.discriminators, self.pools, (real_a, slides), (made_a, made_b), strict=True
        )
        for tell, pool, real, made in pairs:
            # It is fixed where the generators learn from it, and learns from fixed images.
            fixed = {name: p.detach() for name, p in tell.named_parameters()}
            adversarial = adversarial + _squared(functional_call(tell, fixed, (made,)), 1)
            # Both in steps of 1/255: the roundness of values must not tell real from made.
            on_real, on_made = tell(_eight_bit(real).float() / 255), tell(pool(made, rng))
            discriminator = discriminator + (_squared(on_real, 1) + _squared(on_made, 0)) / 2
        return Losses(adversarial, cycle, identity, discriminator)


def _squared(scores: Tensor, wanted: float) -> Tensor:
    return ((scores - wanted) ** 2).mean()


def _eight_bit(image: Tensor) -> Tensor:
    """An image in [0, 1] as a file would hold it."""
    return (image.clamp(0, 1) * 255).round().to(torch.uint8)
