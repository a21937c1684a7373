"""Despeckling of histology that no training has seen, against the classical filters.

Each filter has the strength that is best for the very picture and speckle it is scored on, which
no user could know; total variation is also scored with the strength that a user would find. BM3D
is not among them: the licence of its package allows no commercial use. The transform that it
shrinks is (Yu and Sapiro, IPOL 2011), and non-local means, on whose patches it builds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from scipy import fft, ndimage
from skimage import restoration

from napari_midl.methods.staining import score
from napari_midl.methods.staining.models import named_despeckler
from napari_midl.methods.staining.pictures import inverted_luma, read_picture
from napari_midl.methods.staining.speckle import speckle_to

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

DECIBEL = 16.2
SKIN = "he_skin_reference.png"  # trained on
SPECKLES = ("gaussian", "gamma", "correlated")


def histology(data: Path) -> dict[str, np.ndarray]:
    """Stained sections that the shipped weights were not trained on, whole."""
    paths = sorted(data.glob("he_*.png"))
    return {p.stem.removesuffix("_reference"): read_picture(p) for p in paths if p.name != SKIN}


def _logarithm(
    filtered: Callable[[np.ndarray, float], np.ndarray],
) -> Callable[[np.ndarray, float], np.ndarray]:
    """The filter on the logarithm of the image, in which speckle adds."""
    floor = 0.05
    return lambda noisy, s: np.exp(filtered(np.log(noisy + floor), s)) - floor


def _nlm(noisy: np.ndarray, strength: float) -> np.ndarray:
    return restoration.denoise_nl_means(
        noisy, patch_size=5, patch_distance=9, h=0.8 * strength, sigma=strength, fast_mode=True
    )


def _tv(noisy: np.ndarray, strength: float) -> np.ndarray:
    return restoration.denoise_tv_chambolle(noisy, weight=strength)


def _dct(noisy: np.ndarray, strength: float) -> np.ndarray:
    """Mean of what is left of all squares of 8 pixels when their small cosines are dropped."""
    edge = 8
    padded = np.pad(noisy, edge - 1, mode="reflect").astype(np.float32)
    squares = sliding_window_view(padded, (edge, edge))
    total = np.zeros_like(padded)
    for row, line in enumerate(squares):
        waves = fft.dctn(line, axes=(1, 2), norm="ortho")
        flat = waves[:, 0, 0].copy()
        waves[np.abs(waves) < 3 * strength] = 0
        waves[:, 0, 0] = flat
        kept = fft.idctn(waves, axes=(1, 2), norm="ortho")
        for column in range(edge):
            total[row : row + edge, column : column + len(line)] += kept[:, :, column].T
    inner = slice(edge - 1, 1 - edge)
    return total[inner, inner] / edge**2


def measured_noise(noisy: np.ndarray) -> float:
    """Standard deviation of the noise, by the finest details of a picture.

    These are Haar's diagonal ones, and their median tells the noise (Donoho and Johnstone, 1994).
    """
    even = noisy[: noisy.shape[0] // 2 * 2, : noisy.shape[1] // 2 * 2]
    details = (even[::2, ::2] - even[1::2, ::2] - even[::2, 1::2] + even[1::2, 1::2]) / 2
    return float(np.median(np.abs(details))) / 0.6745


def tv_as_measured(noisy: np.ndarray) -> np.ndarray:
    """Total variation that takes out as much as there is noise."""
    noise = measured_noise(noisy)
    made = [_tv(noisy, strength) for strength in BASELINES["total variation"][1]]
    return min(made, key=lambda image: abs(float((noisy - image).std()) - noise))


# Each with the strengths among which the best is taken.
BASELINES: dict[str, tuple[Callable[[np.ndarray, Any], np.ndarray], tuple[float, ...]]] = {
    "median": (lambda noisy, s: ndimage.median_filter(noisy, int(s)), (3, 5, 7)),
    "non-local means": (_nlm, (0.1, 0.15, 0.2, 0.3)),
    "non-local means of log": (_logarithm(_nlm), (0.2, 0.3, 0.4, 0.6)),
    "total variation": (_tv, (0.1, 0.15, 0.2, 0.25, 0.3, 0.4)),
    "total variation of log": (_logarithm(_tv), (0.2, 0.3, 0.5, 0.7)),
    "sliding cosines": (_dct, (0.1, 0.14, 0.18, 0.22)),
    "sliding cosines of log": (_logarithm(_dct), (0.25, 0.35, 0.45, 0.55)),
}


def learnt(model: str | Path) -> Callable[[np.ndarray], np.ndarray]:
    """The network of a model, for a whole picture."""
    network = named_despeckler(model).network

    def despeckled(noisy: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(noisy)[None, None])[0, 0].numpy()

    return despeckled


def despeckle(data: Path, also: Sequence[Path] = ()) -> list[dict[str, object]]:
    """PSNR and SSIM of whole pictures, noisy at the paper's 16.2 dB; ``also`` of other models."""
    pictures = {name: inverted_luma(picture) for name, picture in histology(data).items()}
    ways: dict[str, list[Callable[[np.ndarray], np.ndarray]]] = {"noisy": [lambda image: image]}
    for way, (filtered, strengths) in BASELINES.items():
        ways[way] = [lambda image, f=filtered, s=s: f(image, s) for s in strengths]  # type: ignore[misc]
    ways["total variation as measured"] = [tv_as_measured]
    ways |= {"base": [learnt("base")], **{path.stem: [learnt(path)] for path in also}}
    rows = []
    for speckle in SPECKLES:
        found: dict[str, dict[str, tuple[float, float]]] = {way: {} for way in ways}
        for name, clean in pictures.items():
            noisy = speckle_to(clean, DECIBEL, speckle, np.random.default_rng(0))
            for way, strengths in ways.items():
                made = [np.asarray(clean_up(noisy), np.float32) for clean_up in strengths]
                best = max(made, key=lambda image, clean=clean: score.psnr(image, clean))  # type: ignore[misc]
                found[way][name] = score.psnr(best, clean), score.ssim(best, clean)
        for way, scores in found.items():
            psnr, ssim = np.mean(list(scores.values()), axis=0).tolist()
            rows.append(
                {
                    "speckle": speckle,
                    "filter": way,
                    "PSNR": psnr,
                    "SSIM": ssim,
                    **{f"PSNR {name}": each[0] for name, each in scores.items()},
                    **{f"SSIM {name}": each[1] for name, each in scores.items()},
                }
            )
    return rows
