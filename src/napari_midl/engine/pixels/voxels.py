"""Painted voxels of an image with their features, and others that nobody painted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_midl.engine.augmentation import Augmentation
from napari_midl.engine.jobs import Job, Progress, elsewhere
from napari_midl.engine.tiles import Tiling
from napari_midl.volumes.boxes import Box, box_around

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_midl.engine.annotation import PaintedVolume
    from napari_midl.engine.pixels.depth import Readable
    from napari_midl.engine.pixels.scale_space import ScaleSpace
    from napari_midl.volumes.annotations import Patch

    Floats = NDArray[np.float32]

MOST, MOST_PLANES = 40_000, 64
# Of each class, however much of others is labelled.
LEAST = 1_000
ANY_LIGHT = Augmentation()
_UNPAINTED, _ELSEWHERE, _SIDE = 24_000, 12, 96
_HEIGHT, _WIDTH = 512, 512


@dataclass(frozen=True)
class Voxels:
    """Some of the painted voxels of an image, and of the others.

    Parameters
    ----------
    features : ndarray of float32, shape (N, features)
        Of painted voxels, a random choice where they are many.
    labels : ndarray of uint8, shape (N,)
        With what they are painted, a value of the classes.
    places : ndarray of int, shape (N, 3)
        Where they are, ``(z, y, x)``.
    unpainted : ndarray of float32, shape (M, features)
        Features of voxels that are not painted, beside the strokes and anywhere.
    lit : ndarray of float32, shape (L, features)
        Features of voxels anywhere, as if the image were lit otherwise and noisier.
    """

    features: Floats
    labels: NDArray[np.uint8]
    places: NDArray[np.int64]
    unpainted: Floats
    lit: Floats

    def __len__(self) -> int:
        """Number of painted voxels."""
        return len(self.labels)

    def without(self, hidden: NDArray[np.bool_]) -> Voxels:
        """The same without some of the painted voxels."""
        kept = ~hidden
        painted = (self.features[kept], self.labels[kept], self.places[kept])
        return Voxels(*painted, self.unpainted, self.lit)


def read_voxels(
    painted: PaintedVolume, space: ScaleSpace, seed: int = 0, elsewhere: bool = True
) -> Iterator[tuple[int, int] | Voxels]:
    """Read the painted voxels and their features, a plane at a time.

    Parameters
    ----------
    painted : PaintedVolume
        The image and what is painted on it.
    space : ScaleSpace
        Of the image.
    seed : int
        Of what is chosen at random.
    elsewhere : bool
        Whether to look at some places away from the strokes, too.

    Yields
    ------
    (int, int) or Voxels
        How many planes of how many are read; at the end what was read.
    """
    rng = np.random.default_rng(seed)
    planes = painted_planes(painted, rng)
    share = _shares(planes)
    apart = _anywhere(painted, rng) if elsewhere else []
    total = len(planes) + len(apart)
    features, labels, places = [], [], []
    unpainted: list[Floats] = []
    lit: list[Floats] = []
    light = torch.Generator().manual_seed(seed)
    for done, (z, yx, values) in enumerate(planes):
        yield done, total
        chosen = np.flatnonzero(rng.permutation(len(values)) < share[values] * len(values))
        low, high = yx.min(0), yx.max(0) + 1
        region = (slice(z, z + 1), slice(low[0], high[0]), slice(low[1], high[1]))
        here = features_of(painted, space, region)[0]
        inside = yx - low
        features.append(here[tuple(inside[chosen].T)])
        labels.append(values[chosen])
        places.append(np.column_stack([np.full(len(chosen), z), yx[chosen]]))
        free = np.ones(here.shape[:2], bool)
        free[tuple(inside.T)] = False
        unpainted.append(_some(here[free], _UNPAINTED // len(planes), rng))
    for done, region in enumerate(apart, len(planes)):
        yield done, total
        for found, generator in ((unpainted, None), (lit, light)):
            here = features_of(painted, space, region, generator)
            found.append(_some(here.reshape(-1, here.shape[-1]), _UNPAINTED // len(apart), rng))
    yield Voxels(
        np.concatenate(features),
        np.concatenate(labels),
        np.concatenate(places),
        np.concatenate(unpainted),
        np.concatenate([unpainted[0][:0], *lit]),
    )


def reading(painted: PaintedVolume, space: ScaleSpace, seed: int = 0) -> Job[Voxels]:
    """`read_voxels` as a job."""
    planes = read_voxels(painted, space, seed)
    while True:
        step = yield from elsewhere(partial(next, planes), "reading the painted voxels")
        if isinstance(step, Voxels):
            return step
        done, total = step
        yield Progress(done, total, "reading the painted voxels")


def features_of(
    image: Readable, space: ScaleSpace, region: Box, light: torch.Generator | None = None
) -> Floats:
    """Features ``(z, y, x, features)`` of a region; those of one channel after the other.

    They are those of the image in another light, where something is given to draw it.
    """
    z, y, x = image.shape
    outer, inner = Tiling((z, y, x), (z, y, x), space.halo, space.stride).expand(region)
    block = torch.from_numpy(np.ascontiguousarray(image.read(outer)))
    channels = block if block.ndim > len(outer) else block[None]
    if light is not None:
        channels = ANY_LIGHT.recolour(channels[None], light)[0]
    with torch.inference_mode():
        found = torch.cat([space.features(channel, inner) for channel in channels], -1)
    features: Floats = found.numpy()
    return features


Plane = tuple[int, "NDArray[np.int64]", "NDArray[np.uint8]"]


def painted_planes(painted: PaintedVolume, rng: np.random.Generator) -> list[Plane]:
    """What is painted on each plane, within a window: slice, voxels ``(y, x)``, and values."""
    windows: dict[tuple[int, int, int], list[tuple[NDArray[np.int64], NDArray[np.uint8]]]] = {}
    for patch in painted.patches:
        for z in _painted_slices(patch, rng):
            plane = np.asarray(patch.labels[z])
            yx = np.argwhere(plane) + patch.origin[1:]
            if not len(yx):
                continue
            values = plane[plane > 0]
            for window in np.unique(yx // (_HEIGHT, _WIDTH), axis=0):
                of = np.all(yx // (_HEIGHT, _WIDTH) == window, axis=1)
                key = (z + patch.origin[0], int(window[0]), int(window[1]))
                windows.setdefault(key, []).append((yx[of], values[of]))
    keys = list(windows)
    if len(keys) > MOST_PLANES:
        keys = [keys[i] for i in np.sort(rng.choice(len(keys), MOST_PLANES, replace=False))]
    return [
        (key[0], np.concatenate([yx for yx, _ in parts]), np.concatenate([of for _, of in parts]))
        for key, parts in ((key, windows[key]) for key in keys)
    ]


def _shares(planes: list[Plane]) -> NDArray[np.float64]:
    """By their values the shares of the painted voxels that are read."""
    counts = sum(np.bincount(values, minlength=256) for _, _, values in planes)
    wanted = np.maximum(counts * MOST / max(np.sum(counts), 1), LEAST)
    return np.minimum(1.0, wanted / np.maximum(counts, 1))


def _painted_slices(patch: Patch, rng: np.random.Generator) -> list[int]:
    depth = len(patch.labels)
    if depth <= 4 * MOST_PLANES:
        return list(range(depth))
    return sorted(int(z) for z in rng.choice(depth, 4 * MOST_PLANES, replace=False))


def _anywhere(painted: PaintedVolume, rng: np.random.Generator) -> list[Box]:
    size = (1, *(min(_SIDE, n) for n in painted.shape[1:]))
    centres = rng.random((_ELSEWHERE, 3)) * painted.shape
    return [box_around([int(c) for c in centre], size, painted.shape) for centre in centres]


def _some(features: Floats, count: int, rng: np.random.Generator) -> Floats:
    if len(features) <= count:
        return features
    return features[rng.choice(len(features), count, replace=False)]
