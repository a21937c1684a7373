"""The features of what is in view and of strokes, kept while a person goes on painting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.engine.pixels.voxels import features_of, painted_planes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_midl.engine.annotation import PaintedVolume
    from napari_midl.engine.pixels.depth import Readable
    from napari_midl.engine.pixels.scale_space import ScaleSpace
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.boxes import Box

    Floats = NDArray[np.float32]

# Of painted voxels.
MOST = 12_000


@dataclass(frozen=True)
class Look:
    """What is to be looked at, and what is painted by now.

    Parameters
    ----------
    region : tuple of slice
        One slice, across whichever axis, ``(z, y, x)`` in voxels.
    patches : sequence of Patch
        Painted labels.
    learn : bool
        Whether something was painted since the last look.
    """

    region: Box
    patches: Sequence[Patch]
    learn: bool = True


class Seen:
    """Features of an image, as far as they were asked for.

    Parameters
    ----------
    image : Readable
        Scaled intensities.
    space : ScaleSpace
        Of the image.
    standardised : callable
        Makes of features ``(..., features)`` those that are kept.
    """

    def __init__(
        self, image: Readable, space: ScaleSpace, standardised: Callable[[Floats], Floats]
    ) -> None:
        self._image, self._space, self._standardised = image, space, standardised
        self._view: tuple[Box, Floats] | None = None
        self._strokes: dict[tuple[int, int, int], Floats] = {}

    def view(self, region: Box) -> Floats:
        """Of a region ``(z, y, x, features)``, which stay while it is the one in view."""
        if self._view is None or self._view[0] != region:
            features = features_of(self._image, self._space, region)
            self._view = (region, self._standardised(features))
        return self._view[1]

    def strokes(
        self, painted: PaintedVolume, region: Box, rng: np.random.Generator
    ) -> tuple[Floats, NDArray[np.uint8]]:
        """Of painted voxels ``(N, features)``, and their labels; only new ones are computed.

        Those in `region` are taken from the view of it.
        """
        view = self.view(region)
        planes = painted_planes(painted, rng)
        share = min(1.0, MOST / sum(len(values) for _, _, values in planes))
        features, labels = [], []
        for z, yx, values in planes:
            chosen = np.sort(rng.permutation(len(values))[: max(2, round(share * len(values)))])
            places = [(z, int(y), int(x)) for y, x in yx[chosen]]
            self._compute(region, view, places)
            features.append(np.stack([self._strokes[place] for place in places]))
            labels.append(values[chosen])
        return np.concatenate(features), np.concatenate(labels)

    def _compute(self, region: Box, view: Floats, places: list[tuple[int, int, int]]) -> None:
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
        rows = self._standardised(features[inside])
        self._strokes.update(zip(outside, rows, strict=True))
