"""Learning from each stroke while a person paints, for the slice that is in view."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_midl.engine.annotation import PaintedVolume
from napari_midl.engine.channels import Stacked, scaled
from napari_midl.engine.pixels.depth import distance_of_slices
from napari_midl.engine.pixels.network import PixelNetwork
from napari_midl.engine.pixels.seen import Look, Seen
from napari_midl.errors import InputError
from napari_midl.methods.segment.learners import PRIOR, distil, fit_learners, mixed
from napari_midl.volumes.scaling import scaling_around

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_midl.engine.pixels.perceptron import Perceptron
    from napari_midl.volumes.classes import Classes
    from napari_midl.volumes.volume import Volume

    Floats = NDArray[np.float32]

# Voxels in view that the result is taught on.
TAUGHT = 8_000
TUNING, DISTILLING = 120, 200


class LiveLearner:
    """Learns anew with each stroke; what it has computed of the view and the strokes it keeps.

    Parameters
    ----------
    channels : sequence of Volume
        The image, each channel with axes ``Z Y X``.
    classes : Classes
        What is painted.
    look : Look
        The first, around which intensities are scaled.
    """

    def __init__(self, channels: Sequence[Volume], classes: Classes, look: Look) -> None:
        self.shape, self._channels, self._classes = channels[0].shape, channels, classes
        self._image = Stacked(channels)
        boxes = [patch.box for patch in look.patches] or [look.region]
        self._scale = partial(scaled, [scaling_around(each, boxes) for each in channels])
        flat = self.shape[0] == 1
        self._network = PixelNetwork(1, len(classes), len(channels), flat)
        self._student: Perceptron | None = None

    def read(self, box: tuple[slice, ...]) -> Floats:
        """Scaled intensities ``(C, z, y, x)`` of a box."""
        found: Floats = self._scale(self._image[(slice(None), *box)])
        return found

    def __call__(self, look: Look) -> NDArray[np.uint8] | None:
        """The class ``(1, y, x)`` of each voxel, 0 the first; None until two are painted.

        Raises
        ------
        InputError
            If the image cannot be read.
        """
        # All that does not depend on the strokes is there before the first of them is learnt.
        view = self._seen.view(look.region)
        try:
            how = {"channels": True, "read_once": False}
            painted = PaintedVolume(self._image, self._scale, look.patches, self._classes, **how)
        except InputError:
            return None  # nothing, or one class only
        flat = view.reshape(-1, view.shape[-1])
        if look.learn or self._student is None:
            self._student = self._learn(painted, look, flat)
        with torch.inference_mode():
            logits = self._student(self._network.standardised(torch.from_numpy(flat)))
            found: NDArray[np.uint8] = logits.argmax(1).numpy().astype(np.uint8)
        return found.reshape(view.shape[:-1])

    @cached_property
    def _seen(self) -> Seen:
        space = self._network.at_depth(distance_of_slices(self._channels[0])).space
        return Seen(self, space, lambda features: features)

    def _learn(self, painted: PaintedVolume, look: Look, view: Floats) -> Perceptron:
        rng, network = np.random.default_rng(0), self._network
        features, labels = self._seen.strokes(painted, look.region, rng)
        some = view[rng.choice(len(view), min(TAUGHT, len(view)), replace=False)]
        both = np.concatenate([features[:TAUGHT], some])
        network.mean.copy_(torch.from_numpy(both.mean(0)))
        network.deviation.copy_(torch.from_numpy(both.std(0) + 1e-6))
        x, taught = (network.standardised(torch.from_numpy(f)).numpy() for f in (features, both))
        allowed = self._classes.table[labels]
        learners, trained = fit_learners(x, allowed, network.shift, network.near, 0, TUNING)
        return distil(trained, taught, mixed(learners, PRIOR, taught), 0, DISTILLING)
