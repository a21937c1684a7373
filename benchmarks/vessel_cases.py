"""What the vessel benchmark is run on: the stacks, and what is revealed of each.

A base must not have seen a stack's group, one group an animal or acquisition. Two more images
are made here, always the same:

- *generated cube*: branching tubes in voxels of one micrometre, 1 x 1 x 1, imaged as by a light
  sheet. The pixel networks saw nothing of the kind; they are those without *octa*, the only stack
  whose voxels may be as deep as wide. A U-Net has learnt from other draws of the same generator.
- *stained*: burgess2014_lowerRes with stain outside its vessels. Thirty Gaussian blobs, their
  standard deviation 6 to 25 columns and a fifth to half of that in slices, each 1 to 2 times as
  much above the background as the median vessel, fade to nothing within two columns of a vessel.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from benchmarks.vessel_peers import features
from napari_midl.engine.trees import Appearance, synthetic_volume
from napari_midl.methods.vessels.inputs import read_stacks
from napari_midl.volumes.scaling import robust_scaling
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Seconds = NDArray[np.float64]

GROUPS = ("octa", "burgess", "santos")
CUBE, STAINED = "generated cube", "stained"
_TO_STAIN = "burgess2014_lowerRes"
_SQUARE, _SQUARES = 16, 12
_BLOBS, _FADING = 30, 2.0

Reveal = Callable[["NDArray[np.bool_]"], "NDArray[np.uint8]"]


@dataclass(frozen=True)
class Case:
    """An image with its vessels.

    Parameters
    ----------
    name : str
        Of its rows.
    image : Volume
        Axes ``Z Y X``.
    mask : ndarray of bool, shape (Z, Y, X)
        True inside a vessel.
    group : str
        What its base must not have seen.
    """

    name: str
    image: Volume
    mask: NDArray[np.bool_]
    group: str

    @property
    def is_shared(self) -> bool:
        """Whether it is one of the stacks, over which means are taken."""
        return self.name not in (CUBE, STAINED)

    @cached_property
    def table(self) -> tuple[Floats, Seconds]:
        """The forest's features ``(Z, Y, X, features)``, and the seconds that they took."""
        started = now()
        found = features(robust_scaling(self.image)(np.asarray(self.image.data)))
        return found, now() - started


def now() -> Seconds:
    """Seconds on the clock and of the processor."""
    return np.array([time.monotonic(), time.process_time()])


def cases(stacks: Path, only: str = "") -> Iterator[Case]:
    """All whose name contains `only`, one at a time: each holds much memory once it is used."""
    for image, truth in read_stacks(stacks):
        name = image.name.removesuffix("_image").removeprefix("vesselnn_").removeprefix("tubenet_")
        group = next(group for group in GROUPS if group in name)
        case = Case(name, image, np.asarray(truth.data) > 0, group)
        if only in name:
            yield case
        if _TO_STAIN in name and only in STAINED:
            yield stained(case)
    if only in CUBE:
        yield generated_cube()


def generated_cube(size: int = 128) -> Case:
    """Vessels of up to 6 um radius among bodies and blurred trees."""
    look = Appearance(
        anisotropy=1.0,
        blur=1.0,
        axial_blur=1.5,
        noise=0.04,
        streaks=0.0,
        photons=100.0,
        contrast=0.9,
        hollow=0.0,
        trees=20,
        radius=(1.5, 6.0),
        bodies=14,
        out_of_focus=2,
    )
    # Pre-training draws from (0, step, attempt).
    rng = np.random.default_rng((2026, 11, 26))
    image, mask, voxel_size = synthetic_volume((size, size, size), rng, look)
    stored = (image * 255).astype(np.uint8)
    volume = Volume.from_array(stored, scale=voxel_size, units="um", name=f"{CUBE}_image")
    return Case(CUBE, volume, mask, "octa")


def stained(case: Case) -> Case:
    """The same with stain outside its vessels."""
    rng = np.random.default_rng(0)
    image = np.asarray(case.image.data).astype(np.float32)
    vessel = float(np.median(image[case.mask]) - np.median(image[~case.mask]))
    outside = np.argwhere(~case.mask)
    stain = np.zeros_like(image)
    for z, y, x in outside[rng.choice(len(outside), _BLOBS, replace=False)]:
        wide = rng.uniform(6, 25)
        deep = wide * rng.uniform(0.2, 0.5)
        dz, dy, dx = np.ogrid[tuple(slice(n) for n in image.shape)]
        squares = ((dz - z) / deep) ** 2 + ((dy - y) / wide) ** 2 + ((dx - x) / wide) ** 2
        blob = rng.uniform(1, 2) * vessel * np.exp(-squares / 2)
        # The brighter of two that overlap, so that none is brighter than twice a vessel.
        stain = np.maximum(stain, blob.astype(np.float32))
    away = ndimage.distance_transform_edt(~case.mask, sampling=(_FADING, 1, 1))
    image += stain * np.clip(away / _FADING, 0, 1).astype(np.float32)
    volume = Volume.from_array(image.round().astype(np.uint16), name=f"{STAINED}_image")
    return replace(case, name=STAINED, image=volume)


def reveals(rehearse: bool) -> dict[str, list[Reveal]]:
    """What is revealed, by name: those that are reported, or those on which choices are made."""
    if rehearse:
        loose = [partial(squares, seed=seed, least=0.05, most=0.95) for seed in (100, 101)]
        return {"slice": [partial(one_slice, share=1 / 3)], "scribbles": [*loose]}
    drawn = [partial(squares, seed=seed, least=0.1, most=0.9) for seed in (0, 1, 2)]
    return {"slice": [partial(one_slice, share=1 / 2)], "scribbles": [*drawn]}


def one_slice(mask: NDArray[np.bool_], share: float) -> NDArray[np.uint8]:
    """The slice at a share of the depth, fully labelled."""
    labels = np.zeros(mask.shape, np.uint8)
    z = int(len(mask) * share)
    labels[z] = np.where(mask[z], 2, 1)
    return labels


def squares(mask: NDArray[np.bool_], seed: int, least: float, most: float) -> NDArray[np.uint8]:
    """Twelve squares on three slices, each drawn until it holds both classes, as a user would."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(mask.shape, np.uint8)
    planes = [len(mask) // 2 - 2, len(mask) // 2, len(mask) // 2 + 2]
    for k in range(_SQUARES):
        z = planes[k % 3]
        for _ in range(500):
            y, x = (int(rng.integers(0, n - _SQUARE)) for n in mask.shape[1:])
            place = (z, slice(y, y + _SQUARE), slice(x, x + _SQUARE))
            if least < mask[place].mean() < most:
                break
        labels[place] = np.where(mask[place], 2, 1)
    return labels


def scored_slices(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which slices are at least two away from every one that something is revealed of."""
    shown = np.flatnonzero(labels.any((1, 2)))
    return np.array([np.abs(shown - z).min() >= 2 for z in range(len(labels))])
