"""What is vessels' own of a prediction: how the network is asked and what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_midl.engine.channels import unknown
from napari_midl.engine.dense import OutputFormat
from napari_midl.engine.pixels.depth import depth_seen, known_depth
from napari_midl.engine.probabilities import ProbabilityModel, in_half_precision
from napari_midl.engine.uncertainty import binary_entropy
from napari_midl.methods.vessels.joint_network import JointNet
from napari_midl.methods.vessels.labels import MEANINGS
from napari_midl.methods.vessels.network import VesselNet
from napari_midl.methods.vessels.pixel_network import PixelNet
from napari_midl.methods.vessels.provenance import facts
from napari_midl.volumes.scaling import FlatImage, robust_scaling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_midl.engine.dense import Scale
    from napari_midl.engine.models import Model
    from napari_midl.methods.vessels.settings import PredictSettings
    from napari_midl.volumes.boxes import Box
    from napari_midl.volumes.scaling import Scaling
    from napari_midl.volumes.volume import Volume

LABELS = "vessels"
CHANNELS = ("vessel probability", "uncertainty")


class VesselModel(ProbabilityModel):
    """A vessel network and the volume to find vessels in.

    Parameters
    ----------
    volume : Volume
        Image with axes ``Z Y X``.
    model : Model
        A vessel model.
    settings : PredictSettings
        Threshold, tile, uncertainty, device.
    called : str
        The name by which a person knows the model.

    Raises
    ------
    InputError
        If the volume has one slice.
    """

    in_parts = (PixelNet, JointNet)

    def __init__(
        self,
        volume: Volume,
        model: Model,
        settings: PredictSettings,
        called: str = "",
    ) -> None:
        volume.check_stack()
        self._scaling: Scaling | None = None
        network = model.network
        if isinstance(network, PixelNet | JointNet):
            network = network.at_depth(known_depth(volume) or self._depth_seen(volume))
        assert isinstance(network, VesselNet | PixelNet | JointNet)
        super().__init__([volume], model, network, settings)
        self._how, self._called = settings, called or str(model.card.get("name", ""))

    def _depth_seen(self, volume: Volume) -> float | None:
        """How far the slices lie apart by what the image looks like; None where it looks empty."""
        try:
            self._scaling = robust_scaling(volume)
        except FlatImage:
            return None  # told once it is known that no box of it was asked for
        return depth_seen(volume, self._scaling)

    def scalings(self) -> Sequence[Scale]:
        """How the volume's intensities become [0, 1]."""
        return [self._scaling] if self._scaling is not None else super().scalings()

    @property
    def samples(self) -> int:
        """Predictions with dropout, where the uncertainty is wanted."""
        return self._how.samples if self._how.uncertainty else 1

    def probabilities(self, logits: Tensor) -> NDArray[np.float32]:
        """Of vessel."""
        found: NDArray[np.float32] = torch.sigmoid(logits).float().cpu().numpy()[0]
        return found

    def told(self, mean: NDArray[np.float32], unsure: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability of vessel, and where it is wanted the entropy."""
        return np.concatenate([mean, binary_entropy(unsure)]) if self._how.uncertainty else mean

    @property
    def output_format(self) -> OutputFormat:
        """An image of probabilities, and labels."""
        return OutputFormat(
            name=f"{self.channels[0].name} vessels",
            dtype="float32",
            chunks=self.chunks,
            channels=CHANNELS[: 1 + self._how.uncertainty],
            labels={LABELS: MEANINGS},
            about=facts(self._called, self._model.sha256, self._how.threshold),
        )

    def stored(self, block: NDArray[np.float32], region: Box) -> Sequence[NDArray[Any]]:
        """Probabilities, and labels where they reach the threshold.

        Where the image is no number that is nowhere, and nothing of it is sure.
        """
        rounded, nowhere = in_half_precision(block), unknown(self.channels, region)
        rounded[:1, nowhere], rounded[1:, nowhere] = 0, 1
        return rounded, (rounded[:1] >= self._how.threshold).astype(np.uint8)
