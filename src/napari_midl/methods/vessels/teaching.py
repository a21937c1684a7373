"""What a pixel network teaches a deep one about voxels that nobody painted.

The probability of the one is the target of the other (Hinton et al., *Distilling the Knowledge in
a Neural Network*, 2015), beside the strokes.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from napari_midl.engine.jobs import Job, Progress, elsewhere
from napari_midl.engine.sampling import around, painted_voxel
from napari_midl.engine.tiles import Tiling
from napari_midl.methods.vessels.classes import CLASSES, VESSEL
from napari_midl.methods.vessels.looking import look
from napari_midl.volumes.boxes import Box, common, corner_of, seen_from, size_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_midl.engine.annotation import PaintedVolume
    from napari_midl.engine.augmentation import Augmentation
    from napari_midl.engine.tiles import Index
    from napari_midl.methods.vessels.pixel_network import PixelNet

_WINDOW: Index = (16, 256, 256)
_MOST_WINDOWS = 8
_AROUND_PAINT = 0.5
# A probability is taught in 254 steps, so that it is moved with the labels; 0 is not taught.
_STEPS = 254


class Teacher:
    """What a pixel network says of windows of an image, those with the most paint first.

    Parameters
    ----------
    shape : tuple of int
        Voxels ``(z, y, x)`` of the image.
    """

    def __init__(self, shape: Index) -> None:
        self.shape = shape
        self._windows: list[tuple[Box, NDArray[np.uint8]]] = []

    def asking(self, network: PixelNet, painted: PaintedVolume, seed: int) -> Job[None]:
        """Ask a network about each window."""
        windows = self._choose(painted, seed)
        for done, window in enumerate(windows):
            saying = "asking the pixel network"
            yield Progress(done, len(windows), saying)
            found = yield from elsewhere(partial(look, network, painted, window), saying)
            self._windows.append((window, (1 + found * _STEPS).round().astype(np.uint8)))

    def _choose(self, painted: PaintedVolume, seed: int) -> list[Box]:
        tiling = Tiling(self.shape, _WINDOW)
        points = np.concatenate(list(painted.painted.values()))
        places = np.ravel_multi_index(tuple((points // tiling.core_size).T), tiling.grid)
        with_paint, counts = np.unique(places, return_counts=True)
        chosen = with_paint[np.argsort(-counts, kind="stable")][:_MOST_WINDOWS].tolist()
        # Few of very many: the first that are drawn and have no paint are as good as any.
        drawn = np.random.default_rng(seed).integers(len(tiling), size=4 * _MOST_WINDOWS).tolist()
        others = [place for place in dict.fromkeys(drawn) if place not in set(with_paint.tolist())]
        return [tiling.core(int(place)) for place in (*chosen, *others)[:_MOST_WINDOWS]]

    def voxel(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """A voxel ``(z, y, x)`` of a window."""
        window, _ = self._windows[rng.integers(len(self._windows))]
        return np.array([rng.integers(part.start, part.stop) for part in window])

    def says(self, box: Box) -> NDArray[np.uint8]:
        """What is taught in a box: 0 nothing, else the probability in steps from 1."""
        found = np.zeros(size_of(box), np.uint8)
        for window, values in self._windows:
            both = common(box, window)
            if both is not None:
                taught = values[seen_from(both, corner_of(window))]
                found[seen_from(both, corner_of(box))] = taught
        return found

    def draw_batch(
        self,
        painted: PaintedVolume,
        size: Index,
        count: int,
        augmentation: Augmentation,
        rng: np.random.Generator,
    ) -> tuple[Tensor, Tensor]:
        """An augmented batch, half of it around paint; its targets are labels and what is taught.

        Returns
        -------
        image : Tensor, shape (count, 1, z, y, x)
        targets : Tensor of uint8, shape (count, 2, z, y, x)
        """
        images, targets = [], []
        for _ in range(count):
            near = rng.random() < _AROUND_PAINT
            centre = painted_voxel(painted, rng) if near else self.voxel(rng)
            z, y, x = around(centre, size, painted.shape, rng)
            images.append(painted.read((z, y, x)))
            targets.append(np.stack([painted.labels((z, y, x)), self.says((z, y, x))]))
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        stacked = torch.from_numpy(np.stack(images))[:, None], torch.from_numpy(np.stack(targets))
        return augmentation(*stacked, generator)


def taught(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of painted voxels, and of what is taught of the others.

    Of two probabilities that are averaged, each has to mean what it says; the Dice loss of a
    network alone makes it surer than it is.

    Parameters
    ----------
    logits : Tensor, shape (N, 1, Z, Y, X)
        Of vessel.
    targets : Tensor of uint8, shape (N, 2, Z, Y, X)
        As `Teacher.draw_batch` gives them.
    """
    paint, said = targets[:, :1], targets[:, 1:]
    vessel = (paint == CLASSES.value(VESSEL)).float()
    return _entropy(logits, vessel, paint > 0) + _entropy(logits, (said - 1.0) / _STEPS, said > 0)


def _entropy(logits: Tensor, probability: Tensor, where: Tensor) -> Tensor:
    found = binary_cross_entropy_with_logits(logits, probability.clamp(0, 1), reduction="none")
    return (found * where).sum() / where.sum().clamp(min=1)
