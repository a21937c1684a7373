"""Networks from landmarks to shapes: the paper's, and the compact one that ships.

Abdi et al., MIDL 2019, section 2.1 and figure 1.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from napari_midl.engine.dropout import Dropout
from napari_midl.errors import InputError
from napari_midl.methods.anatomy.healing import healed
from napari_midl.methods.anatomy.landmark_model import LandmarkModel
from napari_midl.methods.anatomy.shape_model import PLACEMENT, ShapeModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.methods.anatomy.alignment import Points

GRID = 140
PRESETS = ("compact", "paper")
_ARCHITECTURE = re.compile(r"(\S+)" + r" (\d{1,9})" * 4 + r"(?: (\d{1,9}))?", re.ASCII)
_UNIT = 10.0


class AnatomyGen(nn.Module):
    """The paper's generator: landmarks to the occupancy of a cube of 140 mm.

    Three linear layers without activation, then transposed convolutions, each but the first
    with stride 2, in inception-like blocks; CELU, and a sigmoid at the end.

    Parameters
    ----------
    landmarks : int
        How many; the input has three coordinates of each.
    """

    def __init__(self, landmarks: int) -> None:
        super().__init__()
        size = 3 * landmarks
        self.size = size
        self.dense = nn.Sequential(
            nn.Linear(size, 4 * size),
            nn.Linear(4 * size, 16 * size),
            nn.Linear(16 * size, 64 * size),
        )
        self.grow = nn.Sequential(
            nn.ConvTranspose3d(size, 64, 1), nn.CELU(),
            Inception(64, 64), Inception(64, 32), Inception(32, 16, odd=True), Inception(16, 8),
            nn.BatchNorm3d(8), nn.ConvTranspose3d(8, 1, 4, stride=2, padding=1),
        )  # fmt: skip

    def forward(self, landmarks: Tensor) -> Tensor:
        """Logits of occupancy ``(B, 140, 140, 140)`` for landmarks ``(B, n, 3)`` in mm."""
        seed = self.dense(landmarks.flatten(1) / _UNIT).reshape(-1, self.size, 4, 4, 4)
        logits: Tensor = self.grow(seed)
        return logits[:, 0]


class Inception(nn.Module):
    """Twice the size by transposed convolutions of two kernel sizes side by side.

    The figure draws the blocks without their sizes; this is the plainest reading of it.
    """

    def __init__(self, inputs: int, outputs: int, *, odd: bool = False) -> None:
        super().__init__()
        half = outputs // 2
        # 140 halves to 35, which is no even number: 16 grows to 35 there.
        wide, narrow = (0, 2) if odd else (1, 0)
        self.wide = nn.ConvTranspose3d(
            inputs, half, 4, stride=2, padding=wide, output_padding=int(odd)
        )
        self.narrow = nn.Sequential(
            nn.Conv3d(inputs, half, 1),
            nn.CELU(),
            nn.ConvTranspose3d(half, half, 2 + narrow, stride=2, output_padding=int(odd)),
        )
        self.activation = nn.CELU()

    def forward(self, features: Tensor) -> Tensor:
        """``(B, inputs, s, s, s)`` to ``(B, outputs, 2 s, 2 s, 2 s)``."""
        both = torch.cat([self.wide(features), self.narrow(features)], 1)
        activated: Tensor = self.activation(both)
        return activated


class CoefficientNetwork(nn.Module):
    """Landmarks to the coefficients of a shape model, in standard deviations of each mode.

    Where the paper's generator draws voxels, this one bends a mesh that is closed from the
    start: thin processes stay whole, and a drag costs a millisecond.
    """

    def __init__(self, landmarks: int, modes: int, width: int = 256) -> None:
        super().__init__()
        self.linear = nn.Linear(3 * landmarks, modes)
        self.bend = nn.Sequential(
            nn.Linear(3 * landmarks, width), nn.CELU(), nn.Linear(width, width), nn.CELU(),
            Dropout(0.1), nn.Linear(width, modes),
        )  # fmt: skip

    def forward(self, offsets: Tensor) -> Tensor:
        """Coefficients ``(B, K)`` for offsets ``(B, n, 3)`` from the mean landmarks, in mm."""
        flat = offsets.flatten(1) / _UNIT
        coefficients: Tensor = self.linear(flat) + self.bend(flat)
        return coefficients

    def initialise_from(self, model: ShapeModel) -> None:
        """Begin as the linear model, so that only what it misses is left to learn."""
        gain, _ = model.gain(np.ones(len(model.mean_landmarks), bool))
        last = self.bend[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(gain * _UNIT))
            for parameter in (self.linear.bias, last.weight, last.bias):
                parameter.zero_()


class Generator(nn.Module):
    """A network together with the shape model that it was trained beside.

    Parameters
    ----------
    preset : {"compact", "paper"}
        Which network.
    landmarks, modes, vertices, faces : int
        Sizes of the shape model and its mesh.
    meshes : int
        How many meshes it warps; models of earlier versions have none.
    """

    def __init__(
        self, preset: str, landmarks: int, modes: int, vertices: int, faces: int, meshes: int = 0
    ) -> None:
        super().__init__()
        if preset not in PRESETS:
            raise InputError(f"{preset!r} is no preset; choose one of {', '.join(PRESETS)}.")
        self.preset = preset
        shapes = {
            "mean_landmarks": (landmarks, 3),
            "landmark_modes": (modes, landmarks, 3),
            "mean_surface": (vertices, 3),
            "surface_modes": (modes, vertices, 3),
            "landmark_rest": (landmarks,),
            "surface_rest": (vertices,),
        }
        if meshes:
            shapes |= {
                "mesh_surfaces": (meshes, vertices, 3),
                "mesh_landmarks": (meshes, landmarks, 3),
                "placing": (landmarks,),
                "warp_rest": (vertices,),
            }
            # In half precision it would be no covariance.
            square = torch.zeros((3 * landmarks,) * 2, dtype=torch.float64)
            self.register_buffer("landmark_covariance", square)
            self.teeth: Tensor
            self.register_buffer("teeth", torch.zeros(vertices, dtype=torch.uint8))
        self.meshes = meshes
        for name, shape in shapes.items():
            self.register_buffer(name, torch.zeros(shape))
        self.faces: Tensor
        self.register_buffer("faces", torch.zeros((faces, 3), dtype=torch.int32))
        self.network: nn.Module = (
            AnatomyGen(landmarks) if preset == "paper" else CoefficientNetwork(landmarks, modes)
        )

    @property
    def architecture(self) -> str:
        """Preset and sizes, as the card keeps them; `build` reads it."""
        modes, landmarks, _ = self._array("landmark_modes").shape
        sizes = [landmarks, modes, len(self._array("mean_surface")), len(self.faces)]
        sizes += [self.meshes] if self.meshes else []
        return " ".join([self.preset, *map(str, sizes)])

    def shape_model(self) -> ShapeModel:
        """The linear model."""
        arrays = {name: self._array(name) for name in ShapeModel.__dataclass_fields__}
        return ShapeModel(**arrays)

    def landmark_model(self) -> LandmarkModel:
        """What some landmarks say of the others; as the linear model has it where all is older."""
        if self.meshes:
            return LandmarkModel(
                self._array("mean_landmarks"),
                self._array("landmark_covariance"),
                self._array("placing"),
            )
        model = self.shape_model()
        modes = model.landmark_modes.reshape(len(model.landmark_modes), -1)
        rest = np.diag(np.repeat(model.landmark_rest**2, 3))
        placing = np.full(len(model.landmark_rest), PLACEMENT)
        return LandmarkModel(model.mean_landmarks, modes.T @ modes + rest, placing)

    def warped(self, teeth: bool = True) -> tuple[Points, Points]:
        """Surfaces ``(m, V, 3)`` of the meshes to warp, and their landmarks ``(m, n, 3)``.

        Raises
        ------
        InputError
            If they are asked for without teeth, and it is not known where those are.
        """
        if not teeth and not (self.meshes and self.teeth.any()):
            raise InputError("The model does not know where teeth are; generate with teeth.")
        if not self.meshes:
            return self._array("mean_surface")[None], self._array("mean_landmarks")[None]
        surfaces = self._array("mesh_surfaces")
        if not teeth:
            crowns = self.teeth.cpu().numpy() > 0
            surfaces = np.stack([healed(s, self.faces.cpu().numpy(), crowns) for s in surfaces])
        return surfaces, self._array("mesh_landmarks")

    def warp_spread(self) -> NDArray[np.float64]:
        """Standard deviation of the warped surface beyond that of its landmarks, mm, ``(V,)``."""
        return self._array("warp_rest" if self.meshes else "surface_rest")

    def keep(self, **arrays: NDArray[np.generic]) -> None:
        """Take in arrays, by the names of the buffers."""
        for name, array in arrays.items():
            getattr(self, name).copy_(torch.as_tensor(array))

    def _array(self, name: str) -> NDArray[np.float64]:
        array: NDArray[np.float64] = getattr(self, name).double().cpu().numpy()
        return array


def build(architecture: str) -> Generator:
    """An empty generator from the text of its card.

    Raises
    ------
    InputError
        If the text does not name one.
    """
    found = _ARCHITECTURE.fullmatch(architecture)
    if found is None:
        raise InputError(f"{architecture!r} names no anatomy model; train it anew.")
    preset, *sizes = found.groups(default="0")
    return Generator(preset, *map(int, sizes))


def dice_loss(logits: Tensor, occupancy: Tensor) -> Tensor:
    """One minus the soft Dice of equation 1, over each cube, then the mean."""
    likely = torch.sigmoid(logits).flatten(1)
    truth = occupancy.flatten(1)
    overlap = 2 * (likely * truth).sum(1)
    return (1 - overlap / (likely + truth).sum(1).clamp(min=math.ulp(1.0))).mean()
