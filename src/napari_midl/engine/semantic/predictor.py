"""A prediction of named classes: how a network is asked, and what is stored."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.engine.channels import unknown
from napari_midl.engine.dense import OutputFormat
from napari_midl.engine.pixels.depth import distance_of_slices
from napari_midl.engine.pixels.network import PixelNetwork
from napari_midl.engine.probabilities import ProbabilityModel, evaluated, in_half_precision
from napari_midl.engine.ready_model import ReadyModel
from napari_midl.engine.semantic.models import UNLEARNT, check_fits, classes_of, unlearnt_of
from napari_midl.engine.uncertainty import entropy
from napari_midl.volumes.label_values import Meaning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from napari_midl.engine.models import Model
    from napari_midl.engine.semantic.settings import PredictSettings
    from napari_midl.volumes.boxes import Box
    from napari_midl.volumes.volume import Volume

LABELS = "classes"
DOUBT = "doubt"


def probability(
    network: nn.Module, classes: int, images: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Probabilities of the classes, each block in one piece.

    Parameters
    ----------
    network : torch.nn.Module
        On any device; its mode is left as it was.
    classes : int
        How many there are; what a second decoder says is left out.
    images : ndarray of float32, shape (N, C, Z, Y, X)
        Intensities in [0, 1].

    Returns
    -------
    ndarray of float32, shape (N, K, Z, Y, X)
    """
    return evaluated(network, images, lambda batch: network(batch)[:, :classes].softmax(1))


class ClassModel(ProbabilityModel):
    """A network and the image to segment.

    Parameters
    ----------
    channels : sequence of Volume
        The image's channels, each with axes ``Z Y X``.
    model : Model
        A model of as many channels.
    settings : PredictSettings
        Tile, doubt, device.
    called : str
        The name by which a person knows the model.

    Raises
    ------
    InputError
        If the model looks at more or fewer channels, or through slices where there is one.
    """

    def __init__(
        self, channels: Sequence[Volume], model: Model, settings: PredictSettings, called: str
    ) -> None:
        check_fits(model, called, len(channels))
        network: Any = model.network
        if network.halo[0]:
            channels[0].check_stack()
        if isinstance(network, PixelNetwork):
            network = network.at_depth(distance_of_slices(channels[0]))
        super().__init__(channels, model, network, settings)
        self._samples, self._called, self._classes = settings.samples, called, classes_of(model)

    @property
    def samples(self) -> int:
        """Predictions with dropout, or one without."""
        return self._samples

    def probabilities(self, logits: Tensor) -> NDArray[np.float32]:
        """Of the classes, without what a second decoder says."""
        found = logits[0, : len(self._classes)].softmax(0).float().cpu().numpy()
        return np.asarray(found)

    def told(self, mean: NDArray[np.float32], unsure: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities of all classes but the first, then the doubt from 0 (sure) to 1."""
        doubt = entropy(unsure)[None] / np.float32(math.log2(len(unsure)))
        return np.concatenate([mean[1:], doubt])

    @property
    def output_format(self) -> OutputFormat:
        """An image of probabilities and doubt, and labels: 0 the first class, 1 the next."""
        first, *structures = self._classes.labels[: len(self._classes)]
        meanings = {0: Meaning(first.name)}
        meanings |= {v: Meaning(la.name, (*la.rgb, 255)) for v, la in enumerate(structures, 1)}
        return OutputFormat(
            name=f"{self.channels[0].name} segmented",
            dtype="float32",
            chunks=self.chunks,
            channels=(*self._classes.names[1:], DOUBT),
            labels={LABELS: meanings},
            about={
                "model": {"name": self._called, "sha256": self._model.sha256},
                "classes": self._classes.to_dict(),
                UNLEARNT: unlearnt_of(self._model),
            },
        )

    def stored(self, block: NDArray[np.float32], region: Box) -> Sequence[NDArray[Any]]:
        """Probabilities and doubt, and the most probable class.

        Where the image is no number that is the first class, and nothing of it is sure.
        """
        rounded, nowhere = in_half_precision(block), unknown(self.channels, region)
        rounded[:-1, nowhere], rounded[-1, nowhere] = 0, 1
        each = rounded[:-1]
        first = 1 - each.sum(axis=0, keepdims=True)
        called = np.argmax(np.concatenate([first, each]), axis=0)[None]
        return rounded, called.astype(np.uint8)


def classes_in(dense: ClassModel, region: Box) -> NDArray[np.uint8]:
    """The most probable class ``(z, y, x)`` in a region, 0 the first."""
    found: NDArray[np.uint8] = dense.stored(ReadyModel(dense).look(region), region)[1][0]
    return found
