"""From two channels to a slide: despeckle, stain, and say where not to trust it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_midl.engine.folding import fold_batch_norm
from napari_midl.methods.staining.beyond import FILLED, filled
from napari_midl.methods.staining.generators import DensityGenerator, Translator
from napari_midl.methods.staining.models import stains_in
from napari_midl.methods.staining.settings import LEARNT
from napari_midl.methods.staining.stains import BeerLambert, LinearStain

if TYPE_CHECKING:
    from napari_midl.engine.models import Model
    from napari_midl.methods.staining.mosaic import Mosaic
    from napari_midl.methods.staining.settings import StainSettings
    from napari_midl.methods.staining.stains import Stains

DOUBT_WINDOW = 33  # edge in pixels of the neighbourhood that a pixel's doubt is averaged over
DOUBTFUL = 0.25  # difference in [0, 1] at which nothing is to be trusted


class Despeckled(nn.Module):
    """Channels whose reflectance is despeckled.

    Parameters
    ----------
    despeckler : torch.nn.Module
        Maps reflectance ``(N, 1, Y, X)`` to reflectance.
    """

    def __init__(self, despeckler: nn.Module) -> None:
        super().__init__()
        self.despeckler = despeckler
        self.halo: int = despeckler.halo  # type: ignore[assignment]
        self.stride: int = despeckler.stride  # type: ignore[assignment]

    def forward(self, channels: Tensor) -> Tensor:
        """Channels ``(N, 2, Y, X)``, fluorescence as it is."""
        fluorescence, reflectance = channels.split(1, 1)
        return torch.cat([fluorescence, self.despeckler(reflectance).clamp(0, 1)], 1)


class Exposed(nn.Module):
    """Channels whose reflectance is made brighter or darker, once `Pipeline.expose` says how much.

    It comes after the despeckling, which has to see bright speckle uncut.
    """

    halo, stride = 0, 1

    def __init__(self) -> None:
        super().__init__()
        self.factor = 1.0

    def forward(self, channels: Tensor) -> Tensor:
        """Channels ``(N, 2, Y, X)`` in [0, 1], fluorescence as it is."""
        fluorescence, reflectance = channels.split(1, 1)
        return torch.cat([fluorescence, (self.factor * reflectance).clamp(0, 1)], 1)


class Strengthened(nn.Module):
    """Beer-Lambert's stain with nuclei as dark as on a slide, once `Pipeline.expose` says how.

    Parameters
    ----------
    colour : BeerLambert
        The stain.
    """

    halo, stride = 0, 1

    def __init__(self, colour: BeerLambert) -> None:
        super().__init__()
        self.colour, self.factor = colour, 1.0

    def forward(self, channels: Tensor) -> Tensor:
        """Colours ``(N, 3, Y, X)`` for channels ``(N, 2, Y, X)`` in [0, 1]."""
        fluorescence, reflectance = channels.split(1, 1)
        colours: Tensor = self.colour(torch.cat([self.factor * fluorescence, reflectance], 1))
        return colours


class Doubtful(nn.Module):
    """A stain with a fourth channel: where not to trust it.

    The doubt is the larger of two differences, averaged over the neighbourhood, and 1 where it
    reaches `DOUBTFUL`: the cycle error, of what the inverse generator makes of the slide against
    what the generator was given, and the disagreement with a second stain.

    Parameters
    ----------
    translator : Translator
        The stain.
    second : BeerLambert
        Another stain of the same channels, pixel by pixel, in the model's own colours. The doubt
        of a matched slide is measured in these too: the inverse generator knows no others.
    shown : torch.nn.Module, optional
        What to show in the place of the translator's stain, which then only tells the doubt.
    """

    def __init__(
        self, translator: Translator, second: BeerLambert, shown: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.translator, self.second, self.shown = translator, second, shown
        self.halo = translator.halo + int(translator.inverse.halo) + DOUBT_WINDOW // 2  # type: ignore[arg-type]
        self.stride = math.lcm(translator.stride, int(translator.inverse.stride))  # type: ignore[arg-type]

    def forward(self, channels: Tensor) -> Tensor:
        """Colours and doubt ``(N, 4, Y, X)`` in [0, 1]."""
        start = self.translator.start(channels)
        generator = self.translator.generator
        if isinstance(generator, DensityGenerator):
            densities = generator.densities(start)
            colours, own = generator.colour(densities), self.second(densities)
        else:
            colours = own = generator(start)
        cycle = (self.translator.inverse(own) - start).abs().mean(1, keepdim=True)
        disagreement = (self.second(channels) - own).abs().mean(1, keepdim=True)
        doubt = torch.maximum(_around(cycle), _around(disagreement)) / DOUBTFUL
        if self.shown is not None:
            colours = self.shown(channels)
        return torch.cat([colours, doubt.clamp(0, 1)], 1)


class Pipeline(nn.Module):
    """Stages one after the other, and what tiles have to know about them.

    Parameters
    ----------
    stages : torch.nn.Module
        Each with a ``halo`` and a ``stride`` in pixels.
    """

    def __init__(self, *stages: nn.Module) -> None:
        super().__init__()
        self.stages = nn.Sequential(*stages)
        self.halo: int = FILLED // 2 + sum(stage.halo for stage in stages)  # type: ignore[misc]
        self.stride = math.lcm(*(int(stage.stride) for stage in stages))  # type: ignore[arg-type]

    @property
    def is_exposed(self) -> bool:
        """Whether a stage has to know the mosaic's exposures."""
        return any(isinstance(stage, Exposed) for stage in self.stages)

    def expose(self, mosaic: Mosaic) -> None:
        """Bring typical tissue of a mosaic, and its nuclei, to where the stains expect them."""
        for stage in self.modules():
            if isinstance(stage, Exposed):
                stage.factor = mosaic.exposure
            elif isinstance(stage, Strengthened):
                stage.factor = mosaic.nuclear_exposure

    def forward(self, channels: Tensor) -> Tensor:
        """What the last stage gives for channels ``(N, C, Y, X)``; NaN is as what is around it."""
        out: Tensor = self.stages(filled(channels))
        return out


def build_pipeline(
    settings: StainSettings,
    despeckler: Model | None,
    translator: Model | None,
    reference: Stains | None = None,
) -> Pipeline:
    """The stages of a stain, folded for prediction.

    Parameters
    ----------
    settings : StainSettings
        Which stain, and whether it tells its doubt.
    despeckler, translator : Model or None
        The networks, where the settings ask for them; Beer-Lambert's tells its doubt.
    reference : Stains, optional
        Those of a slide to show instead, with typical tissue as strong as there.
    """
    stains = stains_in(translator)
    own, shown = BeerLambert(stains), BeerLambert(reference or stains_for(settings, translator))
    plain = Strengthened(shown) if settings.method == "beer-lambert" else None
    if translator is None:
        stain: nn.Module = plain or LinearStain()
    else:
        assert isinstance(translator.network, Translator)
        stain = fold_batch_norm(translator.network)
        if isinstance(stain.generator, DensityGenerator):
            stain.generator.colour = own if plain else shown
        if settings.doubt:
            stain = Doubtful(stain, own, plain)
    before: list[nn.Module] = []
    if despeckler is not None:
        before.append(Despeckled(fold_batch_norm(despeckler.network)))
    if settings.method != "linear":
        before.append(Exposed())
    return Pipeline(*before, stain)


def stains_for(settings: StainSettings, translator: Model | None) -> Stains:
    """The colours that a stain shows without a reference: those of its own model."""
    return stains_in(translator if settings.method in LEARNT else None)


def _around(difference: Tensor) -> Tensor:
    """Mean over the neighbourhood; at the borders over what there is of it."""
    for window in ((DOUBT_WINDOW, 1), (1, DOUBT_WINDOW)):  # which is the same, and much faster
        half = (window[0] // 2, window[1] // 2)
        difference = F.avg_pool2d(difference, window, 1, half, count_include_pad=False)
    return difference
