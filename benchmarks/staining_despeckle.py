"""Despeckling on held-out histology against the classical filters, each at its best strength.

BM3D is not among them: the licence of its package allows no commercial use. Non-local means, on
whose patches it builds, is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy import ndimage
from skimage import data as samples
from skimage import restoration

from napari_midl.methods.staining import score
from napari_midl.methods.staining.models import named_despeckler
from napari_midl.methods.staining.pictures import inverted_luma, read_picture
from napari_midl.methods.staining.speckle import speckle_to

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TRAINED = 0.75  # share of each picture's width that was trained on
DECIBEL = 16.2
SPECKLES = ("gaussian", "gamma", "correlated")


def histology(data: Path) -> dict[str, np.ndarray]:
    """Public-domain and MIT pictures of stained sections."""
    found = {
        p.stem.removesuffix("_reference"): read_picture(p) for p in sorted(data.glob("he_*.png"))
    }
    return {**found, "ihc": samples.immunohistochemistry()}


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


# Each with the strengths among which the best on the training part is taken.
BASELINES: dict[str, tuple[Callable[[np.ndarray, Any], np.ndarray], tuple[float, ...]]] = {
    "median": (lambda noisy, s: ndimage.median_filter(noisy, int(s)), (3, 5, 7)),
    "non-local means": (_nlm, (0.05, 0.1, 0.15, 0.2, 0.3)),
    "non-local means of log": (_logarithm(_nlm), (0.2, 0.3, 0.4, 0.6, 0.8)),
    "total variation": (_tv, (0.15, 0.2, 0.3, 0.4)),
    "total variation of log": (_logarithm(_tv), (0.3, 0.5, 0.7, 1.0)),
}


def _learnt(name: str) -> Callable[[np.ndarray], np.ndarray]:
    network = named_despeckler(name).network

    def despeckled(noisy: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(noisy)[None, None])[0, 0].numpy()

    return despeckled


def despeckle(data: Path) -> list[dict[str, object]]:
    """PSNR and SSIM of the held-out quarter of each picture, noisy at the paper's 16.2 dB."""
    trained, held_out = {}, {}
    for name, picture in histology(data).items():
        clean = inverted_luma(picture)
        cut = round(clean.shape[1] * TRAINED)
        trained[name], held_out[name] = clean[:, cut - 256 : cut], clean[:, cut:]
    rows = []
    for speckle in SPECKLES:
        noisy = {
            part: {
                name: speckle_to(clean, DECIBEL, speckle, np.random.default_rng(0))
                for name, clean in images.items()
            }
            for part, images in (("trained", trained), ("held out", held_out))
        }
        ways: dict[str, Callable[[np.ndarray], np.ndarray]] = {"noisy": lambda image: image}
        for way, (filtered, strengths) in BASELINES.items():
            best = max(
                strengths,
                key=lambda s, f=filtered: np.mean(  # type: ignore[misc]
                    [score.psnr(f(noisy["trained"][n], s), trained[n]) for n in trained]
                ),
            )
            ways[f"{way} ({best:g})"] = lambda image, f=filtered, s=best: f(image, s)  # type: ignore[misc]
        ways["base"], ways["correlated"] = _learnt("base"), _learnt("correlated")
        for way, clean_up in ways.items():
            row: dict[str, object] = {"speckle": speckle, "filter": way}
            got = {n: np.asarray(clean_up(noisy["held out"][n]), np.float32) for n in held_out}
            row["PSNR"] = float(np.mean([score.psnr(got[n], held_out[n]) for n in got]))
            row["SSIM"] = float(np.mean([score.ssim(got[n], held_out[n]) for n in got]))
            row |= {f"PSNR {n}": score.psnr(got[n], held_out[n]) for n in got}
            rows.append(row)
    return rows
