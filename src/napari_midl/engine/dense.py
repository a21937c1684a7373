"""What a method says of its dense model: network, input, and what is stored of the output."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from napari_midl.volumes.ome_zarr import COLOURS
from napari_midl.volumes.scaling import robust_scaling

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from napari_midl.engine.tiles import Tiling
    from napari_midl.volumes.boxes import Box
    from napari_midl.volumes.label_values import Meaning
    from napari_midl.volumes.volume import Volume

    Scale = Callable[[NDArray[Any]], NDArray[np.float32]]


class Source(Protocol):
    """From where a worker of a cluster loads a model and its input: plain paths and settings.

    It is pickled and is a key, hence best a frozen dataclass.
    """

    def load(self) -> DenseModel:
        """Open what it names, by paths that are the same on every machine."""


@dataclass(frozen=True)
class OutputFormat:
    """What an output looks like.

    Parameters
    ----------
    name, dtype : str
        Name of the image, and the type of its intensities.
    chunks : tuple of int
        Voxels ``(C, z, y, x)`` of a chunk; a tile is whole chunks.
    channels, colours : sequence of str
        Names of its channels, or none, and their colours in hexadecimal digits.
    labels : mapping of str to mapping
        Names of labels to write with it, and what their values mean.
    about : mapping
        What else to say of it in its metadata.
    """

    name: str
    dtype: str
    chunks: tuple[int, int, int, int]
    channels: Sequence[str] = ()
    colours: Sequence[str] = COLOURS
    labels: Mapping[str, Mapping[int, Meaning]] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)


class DenseModel(ABC):
    """What a method knows of its model and the input to apply it to.

    Attributes
    ----------
    channels : sequence of Volume
        The input, each with axes ``Z Y X`` and of the same shape.
    tiling : Tiling
        How it is cut, with the whole halo of the network.
    device : str
        Where to compute: ``auto``, ``cpu`` or ``cuda``.
    source : Source or None
        What a worker of a cluster loads; None if something lies in no file.
    box : tuple of slice or None
        What of the input is wanted, ``(z, y, x)``; all of it where None. Tiles are those of the
        whole, so that each has the bits that it has there.
    """

    channels: Sequence[Volume]
    tiling: Tiling
    device: str
    source: Source | None = None
    box: Box | None = None

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What the output depends on, as JSON values: not where it is computed."""

    @abstractmethod
    def network(self) -> nn.Module:
        """A network of its own, which nobody else holds."""

    @abstractmethod
    def tensor(self, scaled: NDArray[np.float32]) -> Tensor:
        """The network's input for intensities ``(C, z, y, x)`` in [0, 1]."""

    @abstractmethod
    def forward(self, network: nn.Module, tensor: Tensor) -> NDArray[np.float32]:
        """The network's output ``(C, z, y, x)``."""

    def forward_part(self, network: nn.Module, tensor: Tensor, part: Box) -> NDArray[np.float32]:
        """The network's output in a part of the input, the rest of which is context."""
        return self.forward(network, tensor)[(slice(None), *part)]

    @property
    @abstractmethod
    def output_format(self) -> OutputFormat:
        """What is written."""

    @abstractmethod
    def stored(self, block: NDArray[np.float32], region: Box) -> Sequence[NDArray[Any]]:
        """What is written of an output in a region: the image, then each of the labels.

        All have axes ``C Z Y X``; those of length one are left out where the form has none.
        """

    def scalings(self) -> Sequence[Scale]:
        """How the intensities of each channel become [0, 1]: the same in every part of it."""
        return [robust_scaling(channel) for channel in self.channels]
