"""Learning vessels from each stroke while a person paints, for the slice that is in view."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import torch

from napari_midl.engine.annotation import PaintedVolume
from napari_midl.engine.pixels import live
from napari_midl.engine.pixels.depth import Scaled, depth_of
from napari_midl.engine.pixels.joining import distil, mixed, shares_of
from napari_midl.engine.pixels.network import softened
from napari_midl.engine.pixels.scale_space import ScaleSpace
from napari_midl.engine.pixels.seen import Seen
from napari_midl.methods.vessels.classes import CLASSES, VESSEL
from napari_midl.methods.vessels.learn_pixels import PRIOR, Known, fit_experts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_midl.engine.pixels.perceptron import Perceptron
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.scaling import Scaling
    from napari_midl.volumes.volume import Volume

    Floats = NDArray[np.float32]


class LiveLearner(live.LiveLearner):
    """Learns with what a model knows; its answer is the probability of vessel.

    Parameters
    ----------
    volume : Volume
        Image with axes ``Z Y X``.
    known : Known
        What it begins with.
    scaling : Scaling
        The volume's.
    """

    def __init__(self, volume: Volume, known: Known, scaling: Scaling) -> None:
        self.channels, self._known, self._scaling = [volume], known, scaling
        self._image = Scaled(volume, scaling)

    @cached_property
    def seen(self) -> Seen:
        """Standardised as the model's own."""
        space = ScaleSpace(depth_of(self.channels[0], self._image))
        return Seen(self._image, space, self._known.network.as_seen)

    def painted(self, patches: Sequence[Patch]) -> PaintedVolume:
        """Vessel and background."""
        data = self.channels[0].data
        return PaintedVolume(data, self._scaling, patches, CLASSES, read_once=False)

    def learn(self, features: Floats, labels: NDArray[np.uint8], some: Floats) -> Perceptron:
        """The tuned network, taught what all experts say."""
        vessel = labels == CLASSES.value(VESSEL)
        found, tuned = fit_experts(self._known, features, vessel, 0, live.LEARNING)
        return distil(tuned, some, mixed(found, shares_of(PRIOR, found), some), 0, live.TEACHING)

    def answer(self, student: Perceptron, view: Floats) -> Floats:
        """Probability of vessel."""
        logits = student(torch.from_numpy(view.reshape(-1, view.shape[-1])))
        found: Floats = torch.sigmoid(softened(logits.reshape(view.shape[:-1]))).numpy()
        return found
