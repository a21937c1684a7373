"""Learning any classes from each stroke while a person paints, for the slice that is in view."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_midl.engine.pixels import live
from napari_midl.engine.pixels.depth import distance_of_slices
from napari_midl.engine.pixels.joining import distil, mixed
from napari_midl.engine.pixels.learners import PRIOR, fit_learners
from napari_midl.engine.pixels.network import PixelNetwork
from napari_midl.engine.pixels.seen import Look, Seen
from napari_midl.engine.scaled_channels import ScaledChannels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_midl.engine.annotation import PaintedVolume
    from napari_midl.engine.pixels.perceptron import Perceptron
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.classes import Classes
    from napari_midl.volumes.volume import Volume

    Floats = NDArray[np.float32]


class ClassLearner(live.LiveLearner):
    """Learns from nothing; its answer is the index of the most probable class.

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
        self.channels, self._classes = channels, classes
        boxes = [patch.box for patch in look.patches] or [look.region]
        self._image = ScaledChannels(channels, boxes)
        self._network = PixelNetwork(1, len(classes), len(channels), channels[0].shape[0] == 1)

    @cached_property
    def seen(self) -> Seen:
        """As they are: what is standard changes with the strokes."""
        space = self._network.at_depth(distance_of_slices(self.channels[0])).space
        return Seen(self._image, space, lambda features: features)

    def painted(self, patches: Sequence[Patch]) -> PaintedVolume:
        """All channels, and the classes."""
        return self._image.painted(patches, self._classes, read_once=False)

    def learn(self, features: Floats, labels: NDArray[np.uint8], some: Floats) -> Perceptron:
        """One of the learners, taught what all of them say."""
        network = self._network
        network.standardise_by(some)
        strokes, taught = network.as_seen(features), network.as_seen(some)
        allowed = self._classes.table[labels]
        how = (network.shift, network.near, 0, live.LEARNING)
        learners, trained = fit_learners(strokes, allowed, *how)
        return distil(trained, taught, mixed(learners, PRIOR, taught), 0, live.TEACHING)

    def answer(self, student: Perceptron, view: Floats) -> NDArray[np.uint8]:
        """The index of the class, 0 the first."""
        flat = self._network.as_seen(view.reshape(-1, view.shape[-1]))
        found: NDArray[np.uint8] = student(torch.from_numpy(flat)).argmax(1).numpy()
        return found.astype(np.uint8).reshape(view.shape[:-1])
