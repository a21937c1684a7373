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

if TYPE_CHECKING:
    from napari_midl.methods.staining.generators import Translator

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
    they are its corner is kept; the judge looks at patches in any case.

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
    def forward(self, made: Tensor) -> Tensor:
        """Take images in, and give back each or, for half of them, an older one in its place."""
        images, count = self.get_buffer("images"), self.get_buffer("count")
        height, width = images.shape[-2:]
        stored = (made[..., :height, :width].clamp(0, 1) * 255).round().to(torch.uint8)
        shown = []
        for image in stored:
            if count < POOL:
                images[count] = image
                count += 1
            elif torch.rand(()) < 0.5:
                place = int(torch.randint(POOL, ()))
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


class CycleGame(nn.Module):
    """Everything that learns together.

    Parameters
    ----------
    translator : Translator
        The generator from A to B, and its inverse.
    edge : int
        Of the images in the pools.
    width, layers : int
        Of the discriminators.
    """

    def __init__(self, translator: Translator, edge: int, width: int = 64, layers: int = 3) -> None:
        super().__init__()
        self.translator = translator
        channels = (translator.channels, 3)
        self.judges = nn.ModuleList(PatchDiscriminator(c, width, layers) for c in channels)
        self.pools = nn.ModuleList(ImagePool(c, edge) for c in channels)

    def forward(self, channels: Tensor) -> tuple[Tensor, Tensor]:
        """The start A of channels ``(N, 2, Y, X)``, and what the generator makes of it."""
        start = self.translator.start(channels)
        return start, self.translator.generator(start)

    def losses(self, translated: tuple[Tensor, Tensor], slides: Tensor) -> Losses:
        """Losses of both directions (least squares, as in Zhu et al., section 4).

        Parameters
        ----------
        translated : (Tensor, Tensor)
            What `forward` gives for a batch of A.
        slides : Tensor, shape (N, 3, Y, X)
            A batch of B.
        """
        there, back = self.translator.generator, self.translator.inverse
        real_a, made_b = translated
        made_a = back(slides)
        cycle = F.l1_loss(back(made_b), real_a) + F.l1_loss(there(made_a), slides)
        # Only where A and B have as many channels can a generator be asked to leave B alone.
        identity = made_b.new_zeros(())
        if real_a.shape[1] == slides.shape[1]:
            identity = F.l1_loss(there(slides), slides) + F.l1_loss(back(real_a), real_a)
        adversarial = made_b.new_zeros(())
        discriminator = made_b.new_zeros(())
        pairs = zip(self.judges, self.pools, (real_a, slides), (made_a, made_b), strict=True)
        for judge, pool, real, made in pairs:
            # The judge is fixed where the generators learn from it, and learns from fixed images.
            fixed = {name: p.detach() for name, p in judge.named_parameters()}
            adversarial = adversarial + _squared(functional_call(judge, fixed, (made,)), 1)
            shown = judge(pool(made))
            discriminator = discriminator + (_squared(judge(real), 1) + _squared(shown, 0)) / 2
        return Losses(adversarial, cycle, identity, discriminator)


def _squared(scores: Tensor, wanted: float) -> Tensor:
    return ((scores - wanted) ** 2).mean()
