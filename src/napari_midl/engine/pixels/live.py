"""Learning from each stroke while a person paints, for the slice that is in view."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_midl.engine.channels import unknown
from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_midl.engine.annotation import PaintedVolume
    from napari_midl.engine.pixels.perceptron import Perceptron
    from napari_midl.engine.pixels.seen import Look, Seen
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.volume import Volume

    Floats = NDArray[np.float32]

# Voxels in view that the result is taught on, and as many of the strokes.
TAUGHT = 8_000
LEARNING, TEACHING = 120, 200  # steps


class LiveLearner(ABC):
    """Learns anew with each stroke; what it has computed of the view and the strokes it keeps.

    Attributes
    ----------
    seen : Seen
        The features of the image.
    channels : sequence of Volume
        The image.
    student : Perceptron or None
        What was learnt last.
    """

    channels: Sequence[Volume]
    student: Perceptron | None = None

    @property
    @abstractmethod
    def seen(self) -> Seen:
        """The features of the image, kept as far as they were asked for."""

    @abstractmethod
    def painted(self, patches: Sequence[Patch]) -> PaintedVolume:
        """The image and what is painted on it; an `InputError` if that is too little."""

    @abstractmethod
    def learn(self, features: Floats, labels: NDArray[np.uint8], some: Floats) -> Perceptron:
        """What strokes teach: features ``(N, features)``, labels ``(N,)``, and some of all."""

    @abstractmethod
    def answer(self, student: Perceptron, view: Floats) -> NDArray[Any]:
        """What is shown of features ``(z, y, x, features)`` of a slice; axes ``Z Y X``."""

    def __call__(self, look: Look) -> NDArray[Any] | None:
        """The answer of what is in view; None until two classes are painted.

        It is 0 where the image is no number.

        Raises
        ------
        InputError
            If the image cannot be read.
        """
        # All that does not depend on the strokes is there before the first of them is learnt.
        view = self.seen.view(look.region)
        try:
            painted = self.painted(look.patches)
        except InputError:
            return None  # nothing, or one class only
        if look.learn or self.student is None:
            rng = np.random.default_rng(0)
            features, labels = self.seen.strokes(painted, look.region, rng)
            flat = view.reshape(-1, view.shape[-1])
            some = flat[rng.choice(len(flat), min(TAUGHT, len(flat)), replace=False)]
            both = np.concatenate([features[:TAUGHT], some])
            self.student = self.learn(features, labels, both)
        with torch.inference_mode():
            answer = self.answer(self.student, view)
        answer[unknown(self.channels, look.region)] = 0
        return answer
