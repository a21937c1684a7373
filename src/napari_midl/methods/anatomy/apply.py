"""Using a model: a shape from landmarks, with what is missing and what is doubtful."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.errors import InputError
from napari_midl.methods.anatomy.alignment import Points, similarity, thin_plate
from napari_midl.methods.anatomy.checks import check_landmarks, in_order
from napari_midl.methods.anatomy.network import GRID, Generator
from napari_midl.methods.anatomy.score import Surface
from napari_midl.methods.anatomy.settings import GenerateSettings
from napari_midl.methods.anatomy.template import Template
from napari_midl.volumes.grids import outlined
from napari_midl.volumes.landmarks import Landmarks
from napari_midl.volumes.meshes import MM, Mesh
from napari_midl.volumes.space import Space

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.engine.models import Model
    from napari_midl.methods.anatomy.shape_model import Posterior

USUAL = 3.0
MIRROR = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Generated:
    """A shape and how far it is to be believed; lengths in mm, where the landmarks are.

    Parameters
    ----------
    mesh : Mesh
        Closed surface.
    uncertainty : ndarray, shape (V,)
        Standard deviation a coordinate of each vertex; NaN for the paper's voxels.
    landmarks : Landmarks
        Complete, in the template's order: the placed ones, and the others imputed.
    spread : ndarray, shape (n,)
        Standard deviation a coordinate of the imputed landmarks, 0 where one is placed.
    doubt : ndarray, shape (n,)
        How many standard deviations a placed landmark lies from what the others predict;
        NaN where it is not placed or the others are too few.
    misplaced : tuple of str
        Landmarks to look at again, the worst first.
    to_surface : ndarray, shape (n,)
        Landmark-to-surface distance (L2S, equation 2); NaN where not placed.
    """

    mesh: Mesh
    uncertainty: NDArray[np.float64]
    landmarks: Landmarks
    spread: NDArray[np.float64]
    doubt: NDArray[np.float64]
    misplaced: tuple[str, ...]
    to_surface: NDArray[np.float64]


class Anatomy:
    """A model ready to generate shapes.

    Parameters
    ----------
    model : Model
        An anatomy model; its card holds the template.
    """

    def __init__(self, model: Model) -> None:
        assert isinstance(model.network, Generator)
        self.generator = model.network.eval()
        self.shapes = self.generator.shape_model()
        self.faces = self.generator.faces.cpu().numpy()
        self.template = Template.from_dict(model.card["template"])
        self.spread_ratio = float(model.card.get("spread_ratio", 1.0))
        self._spread_of = (np.zeros(0, bool), np.zeros(0))

    def generate(self, landmarks: Landmarks, settings: GenerateSettings | None = None) -> Generated:
        """A shape from landmarks, at once.

        Parameters
        ----------
        landmarks : Landmarks
            In mm, in any order; at least four that do not lie in a plane.
        settings : GenerateSettings, optional
            How.

        Raises
        ------
        InputError
            If a name is unknown, too few are placed, they are not in mm, or left and right
            are swapped.
        """
        settings = settings or GenerateSettings()
        flip = MIRROR if settings.mirrored else np.ones(3)
        placed = in_order(landmarks, self.template) * flip
        check_landmarks(placed, self.shapes.mean_landmarks, self.template)
        known = np.asarray(np.isfinite(placed).all(1))
        to_model = similarity(placed, self.shapes.mean_landmarks)
        aligned = to_model(placed)
        posterior = self.shapes.given(aligned)
        expected, spread = self.shapes.landmarks(posterior)
        complete = np.where(known[:, None], aligned, expected)
        vertices, faces, carried = self._shape(complete, posterior, settings)
        unsure = self._spread(known, posterior)
        if faces is not self.faces:
            unsure = np.full(len(vertices), np.nan)
        if settings.through:
            vertices = thin_plate(carried[known], aligned[known])(vertices)
        doubt = self.shapes.doubt(placed)
        # A mirrored shape turns its triangles inside out.
        mesh = Mesh(to_model.back(vertices) * flip, faces[:, ::-1] if settings.mirrored else faces)
        names = self.template.names
        return Generated(
            mesh,
            unsure / to_model.scale,
            Landmarks(names, np.where(known[:, None], placed, to_model.back(expected)) * flip),
            np.where(known, 0.0, spread / to_model.scale),
            doubt,
            tuple(names[i] for i in self.shapes.misplaced(placed, doubt)),
            Surface(mesh).distance(placed * flip),
        )

    def _shape(
        self, complete: Points, posterior: Posterior, settings: GenerateSettings
    ) -> tuple[Points, NDArray[np.int32], Points]:
        """Vertices, faces, and where the surface has the landmarks; aligned."""
        coefficients = posterior.mean
        if settings.method == "learnt":
            offsets = torch.from_numpy(complete - self.shapes.mean_landmarks).float()[None]
            with torch.inference_mode():
                output = self.generator.network(offsets)[0].double().numpy()
            if self.generator.preset == "paper":
                mesh = voxel_surface(output)
                return mesh.vertices, mesh.faces, Surface(mesh).nearest(complete)[0]
            coefficients = output
        # Further out the modes extrapolate; the thin-plate spline does the rest.
        coefficients = np.clip(coefficients, -USUAL, USUAL)
        carried = self.shapes.mean_landmarks + np.tensordot(
            coefficients, self.shapes.landmark_modes, 1
        )
        return self.shapes.surface(coefficients), self.faces, carried

    def _spread(self, known: NDArray[np.bool_], posterior: Posterior) -> NDArray[np.float64]:
        """Spread of the vertices; it depends only on which landmarks are known."""
        if not np.array_equal(known, self._spread_of[0]):
            self._spread_of = (known, self.shapes.surface_spread(posterior) * self.spread_ratio)
        return self._spread_of[1]


def generate(
    landmarks: Landmarks, model: Model, settings: GenerateSettings | None = None
) -> Job[Generated]:
    """`Anatomy.generate` as a job."""
    yield Progress(0, 1, "generating")
    anatomy = Anatomy(model)
    return (
        yield from wait_for(
            in_thread(lambda: anatomy.generate(landmarks, settings)), Progress(0, 1, "generating")
        )
    )


def voxel_surface(logits: NDArray[np.float64]) -> Mesh:
    """The paper's voxels as a mesh about the origin, mm, at subvoxel places.

    Marching cubes on the smooth field before the sigmoid, not on the occupied voxels.
    """
    if logits.max() <= 0:
        raise InputError("The network generated an empty shape; train it for longer.")
    # A border outside, so that the surface closes.
    field = np.pad(logits, 1, constant_values=min(float(logits.min()), -1.0))
    return outlined(field, 0.0, Space((1.0, 1.0, 1.0), MM, (-(GRID + 1) / 2,) * 3))
