"""Learning from each stroke while a person paints, for the slice that is in view."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_midl.engine.annotation import PaintedVolume
from napari_midl.engine.pixels.depth import Scaled, depth_of
from napari_midl.engine.pixels.network import softened
from napari_midl.engine.pixels.scale_space import ScaleSpace
from napari_midl.engine.pixels.seen import Look, Seen
from napari_midl.errors import InputError
from napari_midl.methods.vessels.classes import CLASSES, VESSEL
from napari_midl.methods.vessels.learn_pixels import PRIOR, Known, distil, fit_experts, mixed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.engine.pixels.perceptron import Perceptron
    from napari_midl.engine.tiles import Region
    from napari_midl.volumes.scaling import Scaling
    from napari_midl.volumes.volume import Volume

    Floats = NDArray[np.float32]

# Voxels in view that the result is taught on.
TAUGHT = 8_000
TUNING, DISTILLING = 120, 200


class LiveLearner:
    """Learns anew with each stroke; what it has computed of the view and the strokes it keeps.

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
        self._volume, self._known, self._scaling = volume, known, scaling
        self._image = Scaled(volume, scaling)
        self._student: Perceptron | None = None

    def __call__(self, look: Look) -> Floats | None:
        """Probability of vessel ``(1, y, x)`` in the region; None until both classes are painted.

        Raises
        ------
        InputError
            If the image cannot be read.
        """
        # All that does not depend on the strokes is there before the first of them is learnt.
        view = self._seen.view(look.region)
        try:
            data, patches = self._volume.data, look.patches
            painted = PaintedVolume(data, self._scaling, patches, CLASSES, read_once=False)
        except InputError:
            return None  # nothing, or one class only
        if look.learn or self._student is None:
            self._student = self._learn(painted, look.region, view)
        with torch.inference_mode():
            logits = self._student(torch.from_numpy(view.reshape(-1, view.shape[-1])))
            found: Floats = torch.sigmoid(softened(logits.reshape(view.shape[:-1]))).numpy()
        return found

    @cached_property
    def _seen(self) -> Seen:
        space, network = ScaleSpace(depth_of(self._volume, self._image)), self._known.network

        def standardised(features: Floats) -> Floats:
            found: Floats = network.standardised(torch.from_numpy(features)).numpy()
            return found

        return Seen(self._image, space, standardised)

    def _learn(self, painted: PaintedVolume, region: Region, view: Floats) -> Perceptron:
        rng = np.random.default_rng(0)
        features, labels = self._seen.strokes(painted, region, rng)
        vessel = labels == CLASSES.value(VESSEL)
        found, tuned = fit_experts(self._known, features, vessel, 0, TUNING)
        flat = view.reshape(-1, view.shape[-1])
        taught = flat[rng.choice(len(flat), min(TAUGHT, len(flat)), replace=False)]
        shares = {name: PRIOR[name] for name in found}
        total = sum(shares.values())
        shares = {name: share / total for name, share in shares.items()}
        taught = np.concatenate([features[:TAUGHT], taught])
        return distil(tuned, taught, mixed(found, shares, taught), 0, DISTILLING)
