"""Generated trees as volumes to learn from, every voxel labelled."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.engine.annotation import PaintedVolume
from napari_midl.engine.augmentation import Augmentation
from napari_midl.engine.trees import synthetic_volume
from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.scaling import Scaling

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_midl.volumes.classes import Classes

SHAPE, VOLUMES = (32, 144, 144), 96

# What is learnt must bear any microscope; tissue darkens with depth.
ANY_IMAGE = Augmentation(zoom=(0.7, 1.4), contrast=(0.4, 1.2))


def tree_volumes(classes: Classes, seed: int) -> Callable[[np.random.Generator], PaintedVolume]:
    """Something that chooses one of `VOLUMES` volumes, each drawn when it is first asked for.

    Parameters
    ----------
    classes : Classes
        The background and what the trees are.
    seed : int
        Of the volumes.
    """

    @cache
    def volume(index: int) -> PaintedVolume:
        attempt = 0
        while True:
            image, mask, _ = synthetic_volume(SHAPE, np.random.default_rng((seed, index, attempt)))
            if mask.any() and not mask.all():
                patch = Patch((0, 0, 0), classes.from_indices(mask), "synthetic")
                return PaintedVolume(image, Scaling(0.0, 1.0), [patch], classes)
            attempt += 1

    return lambda rng: volume(int(rng.integers(VOLUMES)))
