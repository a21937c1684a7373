"""Using a model: a shape from landmarks, with what is missing and what is doubtful."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.errors import InputError
from napari_midl.methods.anatomy.alignment import Points, thin_plate
from napari_midl.methods.anatomy.checks import check_landmarks, in_order
from napari_midl.methods.anatomy.network import GRID, Generator
from napari_midl.methods.anatomy.score import Surface
from napari_midl.methods.anatomy.settings import GenerateSettings
from napari_midl.methods.anatomy.template import Template
from napari_midl.methods.anatomy.untangling import untangling
from napari_midl.methods.anatomy.warps import Warps, spread_of
from napari_midl.volumes.grids import outlined
from napari_midl.volumes.landmarks import Landmarks
from napari_midl.volumes.meshes import MM, Mesh
from napari_midl.volumes.space import Space

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.engine.models import Model
    from napari_midl.methods.anatomy.fitting import Fitted

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
    fit : Fitted, optional
        How the mesh was pulled onto the bone of a scan, if it was.
    clean : bool
        Whether the mesh is known not to cross itself.
    """

    mesh: Mesh
    uncertainty: NDArray[np.float64]
    landmarks: Landmarks
    spread: NDArray[np.float64]
    doubt: NDArray[np.float64]
    misplaced: tuple[str, ...]
    to_surface: NDArray[np.float64]
    fit: Fitted | None = None
    clean: bool = False

    def on(self, fit: Fitted) -> Generated:
        """The same with the mesh of a fit."""
        to_surface = np.full(len(self.to_surface), np.nan)
        placed = self.spread == 0
        to_surface[placed] = Surface(fit.mesh).distance(self.landmarks.points[placed])
        return replace(self, mesh=fit.mesh, to_surface=to_surface, fit=fit, clean=False)


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
        self.landmarks = self.generator.landmark_model()
        if not self.generator.meshes:
            self.landmarks = self.landmarks.scaled(float(model.card.get("spread_ratio", 1.0)))
        self._warps: dict[bool, Warps] = {}

    def warps(self, teeth: bool = True) -> Warps:
        """The meshes that are warped, with teeth or without."""
        if teeth not in self._warps:
            self._warps[teeth] = Warps(*self.generator.warped(teeth), self.shapes)
        return self._warps[teeth]

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
        expected = self.landmarks.given(placed)
        to_model, aligned = expected.to_model, expected.to_model(placed)
        complete = np.where(known[:, None], aligned, expected.points)
        through = complete if settings.through else expected.points
        if settings.method == "warped":
            warps, faces = self.warps(settings.teeth), self.faces
            vertices, pull = warps(through), warps.pull(through)
        else:
            vertices, faces, carried = self._modelled(complete, settings)
            if settings.through:
                vertices = thin_plate(carried[known], aligned[known])(vertices)
            pull = self.warps().pull(complete)
        if faces is self.faces:
            unsure = np.hypot(spread_of(pull, expected.covariance), self.generator.warp_spread())
        else:
            unsure = np.full(len(vertices), np.nan)
        # A mirrored shape turns its triangles inside out.
        mesh = Mesh(to_model.back(vertices) * flip, faces[:, ::-1] if settings.mirrored else faces)
        names = self.template.names
        points = np.where(known[:, None], placed, to_model.back(expected.points))
        return Generated(
            mesh,
            unsure / to_model.scale,
            Landmarks(names, points * flip),
            np.where(known, 0.0, expected.spread),
            self.landmarks.doubt(placed),
            tuple(names[i] for i in self.landmarks.misplaced(placed)),
            Surface(mesh).distance(placed * flip),
        )

    def _modelled(
        self, complete: Points, settings: GenerateSettings
    ) -> tuple[Points, NDArray[np.int32], Points]:
        """Vertices, faces, and where the surface has the landmarks; on the mean."""
        coefficients = self.shapes.given(complete).mean
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


def generate(
    landmarks: Landmarks,
    model: Model,
    settings: GenerateSettings | None = None,
    smooth: bool = True,
) -> Job[Generated]:
    """`Anatomy.generate` as a job, whose mesh is made smooth where it would cross itself.

    It is left as it is for a fit, which does so at its end.
    """
    yield Progress(0, 1, "generating")
    anatomy = Anatomy(model)

    def make() -> Generated:
        made = anatomy.generate(landmarks, settings)
        if not smooth:
            return made
        mesh, clean = untangling(made.mesh)
        return replace(made, mesh=mesh, clean=clean)

    return (yield from wait_for(in_thread(make), Progress(0, 1, "generating")))


def voxel_surface(logits: NDArray[np.float64]) -> Mesh:
    """The paper's voxels as a mesh about the origin, mm, at subvoxel places.

    Marching cubes on the smooth field before the sigmoid, not on the occupied voxels.
    """
    if logits.max() <= 0:
        raise InputError("The network generated an empty shape; train it for longer.")
    # A border outside, so that the surface closes.
    field = np.pad(logits, 1, constant_values=min(float(logits.min()), -1.0))
    return outlined(field, 0.0, Space((1.0, 1.0, 1.0), MM, (-(GRID + 1) / 2,) * 3))
