"""Learning from each stroke while a person paints, for the slice that is in view."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_midl.engine.annotation import PaintedVolume
from napari_midl.engine.pixels.depth import depth_of
from napari_midl.engine.pixels.network import softened
from napari_midl.engine.pixels.scale_space import ScaleSpace
from napari_midl.engine.pixels.voxels import features_of, painted_planes
from napari_midl.errors import InputError
from napari_midl.methods.vessels.classes import CLASSES, VESSEL
from napari_midl.methods.vessels.learn_pixels import PRIOR, Known, distil, fit_experts, mixed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_midl.engine.pixels.perceptron import Perceptron
    from napari_midl.engine.tiles import Region
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.scaling import Scaling
    from napari_midl.volumes.volume import Volume

    Floats = NDArray[np.float32]

# Of painted voxels, and of those in view that the result is taught on.
MOST, TAUGHT = 12_000, 8_000
TUNING, DISTILLING = 120, 200


@dataclass(frozen=True)
class Look:
    """What is to be looked at, and what is painted by now.

    Parameters
    ----------
    region : tuple of slice
        One slice, ``(z, y, x)`` in voxels.
    patches : sequence of Patch
        Painted labels of `CLASSES`.
    learn : bool
        Whether something was painted since the last look.
    """

    region: Region
    patches: Sequence[Patch]
    learn: bool = True


class _Scaled:
    """An image that is read where it is asked for, as `PaintedVolume` does before any paint."""

    def __init__(self, volume: Volume, scaling: Scaling) -> None:
        self.shape = volume.shape
        self._data, self._scaling = volume.data, scaling

    def read(self, box: tuple[slice, ...]) -> Floats:
        """Scaled intensities of a box."""
        found: Floats = self._scaling(np.asarray(self._data[box]))
        return found


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
        self._image = _Scaled(volume, scaling)
        self._view: tuple[Region, Floats] | None = None
        self._strokes: dict[tuple[int, int, int], Floats] = {}
        self._student: Perceptron | None = None

    def __call__(self, look: Look) -> Floats | None:
        """Probability of vessel ``(1, y, x)`` in the region; None until both classes are painted.

        Raises
        ------
        InputError
            If the image cannot be read.
        """
        # All that does not depend on the strokes is there before the first of them is learnt.
        view = self._features(look.region)
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
    def _space(self) -> ScaleSpace:
        return ScaleSpace(depth_of(self._volume, self._image))

    def _features(self, region: Region) -> Floats:
        """Standardised features of the view, which stay while it stays."""
        if self._view is None or self._view[0] != region:
            features = features_of(self._image, self._space, region)
            standardised = self._known.network.standardised(torch.from_numpy(features)).numpy()
            self._view = (region, standardised)
        return self._view[1]

    def _learn(self, painted: PaintedVolume, region: Region, view: Floats) -> Perceptron:
        rng = np.random.default_rng(0)
        features, vessel = self._gather(painted, region, view, rng)
        found, tuned = fit_experts(self._known, features, vessel, 0, TUNING)
        flat = view.reshape(-1, view.shape[-1])
        taught = flat[rng.choice(len(flat), min(TAUGHT, len(flat)), replace=False)]
        shares = {name: PRIOR[name] for name in found}
        total = sum(shares.values())
        shares = {name: share / total for name, share in shares.items()}
        taught = np.concatenate([features[:TAUGHT], taught])
        return distil(tuned, taught, mixed(found, shares, taught), 0, DISTILLING)

    def _gather(
        self, painted: PaintedVolume, region: Region, view: Floats, rng: np.random.Generator
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Features of the strokes; only those that are new are computed."""
        planes = painted_planes(painted, rng)
        share = min(1.0, MOST / sum(len(values) for _, _, values in planes))
        features, vessel = [], []
        for z, yx, values in planes:
            chosen = np.sort(rng.permutation(len(values))[: max(2, round(share * len(values)))])
            places = [(z, int(y), int(x)) for y, x in yx[chosen]]
            self._compute(region, view, places)
            features.append(np.stack([self._strokes[place] for place in places]))
            vessel.append(values[chosen] == CLASSES.value(VESSEL))
        return np.concatenate(features), np.concatenate(vessel)

    def _compute(self, region: Region, view: Floats, places: list[tuple[int, int, int]]) -> None:
        """Keep the features of places of one slice, from the view where they lie in it."""
        new = [place for place in places if place not in self._strokes]
        outside = []
        for place in new:
            if all(s.start <= p < s.stop for p, s in zip(place, region, strict=True)):
                z, y, x = (p - s.start for p, s in zip(place, region, strict=True))
                self._strokes[place] = view[z, y, x].copy()
            else:
                outside.append(place)
        if not outside:
            return
        low, high = np.min(outside, 0), np.max(outside, 0) + 1
        box = (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2]))
        features = features_of(self._image, self._space, box)
        inside = tuple((np.array(outside) - low).T)
        rows = self._known.network.standardised(torch.from_numpy(features[inside])).numpy()
        self._strokes.update(zip(outside, rows, strict=True))
