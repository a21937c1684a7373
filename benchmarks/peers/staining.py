"""Speckle taken from stained histology, and a two-channel field stained.

No filter knows the clean picture: the noise it is told is measured in the noisy one.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from skimage import restoration

from benchmarks.peers import Found, Places, Task
from benchmarks.staining import RENDERED_PART, STANDARD, fields, picture
from benchmarks.staining_despeckle import (
    DECIBEL,
    SPECKLES,
    histology,
    learnt,
    measured_noise,
    tv_as_measured,
)
from napari_midl.methods.staining import score
from napari_midl.methods.staining.pictures import inverted_luma
from napari_midl.methods.staining.speckle import speckle_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Picture = NDArray[np.float32]


def _ours(noisy: Picture) -> Picture:
    return learnt("base")(noisy)


def _median(noisy: Picture) -> Picture:
    return ndimage.median_filter(noisy, 5)


def _non_local(noisy: Picture) -> Picture:
    sigma = measured_noise(noisy)
    found: Picture = restoration.denoise_nl_means(noisy, 5, 9, 0.8 * sigma, sigma=sigma)
    return found


def _despeckled(clean_up: Callable[[Picture], Picture], places: Places, speckle: str) -> Found:
    found, seconds = [], []
    for whole in histology(places.data / "staining").values():
        clean = inverted_luma(whole)
        noisy = speckle_to(clean, DECIBEL, speckle, np.random.default_rng(0))
        started = time.process_time()
        made = clean_up(noisy)
        seconds.append(time.process_time() - started)
        found.append((score.psnr(made, clean), score.ssim(made, clean)))
    psnr, ssim = np.mean(found, 0).tolist()
    return Found({"PSNR dB": psnr, "SSIM": ssim}, float(np.mean(seconds)))


def _stained(method: str, places: Places, name: str) -> Found:
    mosaic, rendered = fields(places.data / "staining")[name]
    started = time.process_time()
    part = picture(mosaic, method, keep_speckle=True)[RENDERED_PART]
    seconds = time.process_time() - started
    like = score.ssim(part / 255, rendered / 255, channel_axis=-1)
    return Found({"CIEDE2000": score.ciede2000(part, rendered), "SSIM": like}, seconds)


TASKS = [
    Task(
        "speckle taken from H&E",
        "nothing",
        SPECKLES,
        {
            "ours": partial(_despeckled, _ours),
            "median": partial(_despeckled, _median),
            "non-local means": partial(_despeckled, _non_local),
            "total variation": partial(_despeckled, tv_as_measured),
        },
    ),
    Task(
        "a two-channel field stained",
        "choose two channels",
        ("falsecolor_II",),
        {
            "ours": partial(_stained, "beer-lambert"),
            "Beer-Lambert, standard vectors": partial(_stained, STANDARD),
        },
    ),
]
