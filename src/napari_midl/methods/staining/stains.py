"""Colours of stains: Gareau's linear stain, Beer-Lambert, and the vectors of a reference slide.

The two channels are always in the order fluorescence (nuclei, hematoxylin), reflectance
(everything else, eosin), and scaled to [0, 1].
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import whole_file

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

# Gareau, J. Biomed. Opt. 14, 034050 (2009): colours of full hematoxylin and full eosin.
GAREAU = ((0.30, 0.20, 1.00), (1.00, 0.55, 0.88))
# Ruifrok and Johnston, Anal. Quant. Cytol. Histol. 23, 291 (2001): optical density, unit length.
RUIFROK = ((0.650, 0.704, 0.286), (0.072, 0.990, 0.105))
# As `stains_of` measures them: the hues of a skin section (skimage.data.skin, public domain), and
# the strengths of that and a second slide side by side.
REAL = ((0.590, 0.743, 0.315), (0.120, 0.802, 0.585))
STRENGTHS = (1.6, 0.51)
FULL = 99.0  # percentile of a slide's hematoxylin that counts as full
FAINTEST = 0.05  # optical density below which a pixel is glass
NARROWEST = 0.15  # angle (rad) between the stains below which a slide shows only one of them
FEWEST = 200
GREYEST = 8  # difference of red, green and blue, of 255, that a grey picture stays below


@dataclass(frozen=True)
class Stains:
    """What hematoxylin and eosin look like on a slide.

    Parameters
    ----------
    vectors : ((float, float, float), (float, float, float))
        Optical density in red, green and blue of each stain, of unit length.
    full : (float, float)
        Density of each stain where a channel is 1: what few pixels of a slide's tissue exceed for
        hematoxylin, which is in the nuclei alone, and twice that of typical tissue for eosin.
    """

    vectors: tuple[tuple[float, ...], ...] = REAL
    full: tuple[float, ...] = STRENGTHS

    def to_dict(self) -> dict[str, list[list[float]] | list[float]]:
        """Plain JSON values."""
        return {"vectors": [list(v) for v in self.vectors], "full": list(self.full)}

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """The stains that `to_dict` described.

        Raises
        ------
        ValueError
            If it did not: something is missing, of another shape, or no positive number.
        """
        try:
            vectors, full = np.array(values["vectors"], float), np.array(values["full"], float)
        except (KeyError, TypeError) as error:
            raise ValueError(f"no vectors and full densities of stains: {error}") from error
        fits = vectors.shape == (2, 3) and full.shape == (2,)
        if not fits or not (np.isfinite(vectors) & (vectors >= 0)).all() or not (full > 0).all():
            raise ValueError("stains have two vectors of three densities, and two full densities")
        return cls(tuple(map(tuple, vectors.tolist())), tuple(full.tolist()))


class LinearStain(nn.Module):
    """``RGB = 1 - F (1 - hematoxylin) - R (1 - eosin)`` (Gareau, 2009)."""

    halo, stride = 0, 1

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("absorbed", 1 - torch.tensor(GAREAU), persistent=False)

    def forward(self, channels: Tensor) -> Tensor:
        """Colours ``(N, 3, Y, X)`` in [0, 1] for channels ``(N, 2, Y, X)``."""
        absorbed = torch.einsum("nsyx,sc->ncyx", channels, self.get_buffer("absorbed"))
        return (1 - absorbed).clamp(0, 1)


class BeerLambert(nn.Module):
    """``RGB = exp(-densities . vectors)``: what light is left behind two stains.

    Parameters
    ----------
    stains : Stains
        Their colours.
    """

    halo, stride = 0, 1

    def __init__(self, stains: Stains) -> None:
        super().__init__()
        weights = torch.tensor(stains.full)[:, None] * torch.tensor(stains.vectors)
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, densities: Tensor) -> Tensor:
        """Colours ``(N, 3, Y, X)`` for densities ``(N, 2, Y, X)`` in units of the full stain."""
        return torch.exp(-torch.einsum("nsyx,sc->ncyx", densities, self.get_buffer("weights")))


def optical_density(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """``-ln(I / white)`` of each pixel and colour, where white is the slide's own glass.

    Parameters
    ----------
    picture : ndarray of uint8, shape (Y, X, 3)

    Returns
    -------
    ndarray of float32, shape (Y, X, 3)
        Not negative.
    """
    # A tile without glass has no white of its own: its brightest pixels are pale tissue.
    white = np.maximum(np.percentile(picture, 99.5, axis=(0, 1)), 220)
    density = -np.log(np.maximum(picture, 1) / white)
    return np.asarray(np.maximum(density, 0), np.float32)


def stains_of(picture: NDArray[np.uint8], name: str = "the slide") -> Stains:
    """Stain vectors and full densities of an H&E picture (Macenko et al., ISBI 2009).

    The vectors are the extreme directions of the pixels' optical densities in the plane that
    holds most of them. Where the picture shows one stain only, its plane is not told by the
    pixels, and the direction of the other stain is the usual one.

    Parameters
    ----------
    picture : ndarray of uint8, shape (Y, X, 3)
        A slide or a part of one; it may be pale.
    name : str
        What to call it in a message.

    Returns
    -------
    Stains

    Raises
    ------
    InputError
        If the picture is no colour picture or shows no stained tissue.
    """
    if picture.ndim != 3 or picture.shape[-1] < 3:
        raise InputError(f"{name} is no colour picture; give an H&E slide as PNG, JPEG or TIFF.")
    density = optical_density(picture[..., :3]).reshape(-1, 3)
    strength = np.linalg.norm(density, axis=1)
    stained = strength > FAINTEST
    if stained.sum() < FEWEST:
        raise InputError(f"{name} shows no stained tissue; choose another part of the slide.")
    shown = picture[..., :3].reshape(-1, 3)[stained]
    if np.percentile(np.ptp(shown, axis=-1), FULL) < GREYEST:
        raise InputError(f"{name} is grey; give an H&E slide in colours as PNG, JPEG or TIFF.")
    # The darker half of what is not glass: relative, so that a pale slide has one too.
    tissue = density[strength >= np.median(strength[stained])]
    _, _, axes = np.linalg.svd(tissue[:: max(1, len(tissue) // 200_000)], full_matrices=False)
    plane = axes[:2] * np.sign(axes[:2].sum(1, keepdims=True))
    angle = np.arctan2(tissue @ plane[1], tissue @ plane[0])
    ends = [
        np.maximum(np.cos(a) * plane[0] + np.sin(a) * plane[1], 0)
        for a in np.percentile(angle, [1, 99])
    ]
    # Hematoxylin takes out more of the red light.
    ends.sort(key=lambda v: -v[0] / v.sum())
    vectors = np.array([v / np.linalg.norm(v) for v in ends])
    if vectors[0] @ vectors[1] > np.cos(NARROWEST):
        vectors = _with_usual(vectors.mean(0))
    amounts = densities_of(picture, vectors)[:, stained.reshape(picture.shape[:2])]
    full = np.array([np.percentile(amounts[0], FULL), 2 * np.median(amounts[1])]).clip(FAINTEST)
    return Stains(
        tuple(tuple(round(float(x), 4) for x in v) for v in vectors),
        tuple(round(float(x), 4) for x in full),
    )


def densities_of(picture: NDArray[np.uint8], vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Densities of hematoxylin and eosin: colour deconvolution.

    Parameters
    ----------
    picture : ndarray of uint8, shape (Y, X, 3)
    vectors : ndarray, shape (2, 3)
        Unit optical density of each stain.

    Returns
    -------
    ndarray of float32, shape (2, Y, X)
    """
    density = optical_density(picture[..., :3])
    unmixed = density @ np.linalg.pinv(np.asarray(vectors, np.float32))
    return np.moveaxis(unmixed.astype(np.float32), -1, 0)


def write_stains(stains: Stains, path: Path) -> None:
    """Write stains as JSON.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    with whole_file(path) as beside:
        beside.write_text(json.dumps(stains.to_dict(), indent=2) + "\n", encoding="utf-8")


def read_stains(path: Path) -> Stains:
    """Read what `write_stains` wrote.

    Raises
    ------
    InputError
        If the file is missing or holds no stains.
    """
    try:
        stains = Stains.from_dict(json.loads(path.read_text(encoding="utf-8")))
        if np.shape(stains.vectors) == (2, 3) and np.shape(stains.full) == (2,):
            return stains
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check the path.") from error
    except (ValueError, KeyError, TypeError):
        pass
    raise InputError(f"{path} holds no stains; give one that `staining match` has written.")


def _with_usual(seen: NDArray[np.floating]) -> NDArray[np.floating]:
    """The usual vectors, with that of the stain which was seen replaced by it."""
    vectors = np.array(RUIFROK)
    seen = seen / np.linalg.norm(seen)
    vectors[int(np.argmax(vectors @ seen))] = seen
    return vectors
