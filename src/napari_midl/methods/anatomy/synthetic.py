"""A made-up person's mandible in a made-up CT scan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_midl.methods.anatomy.apply import Anatomy
from napari_midl.methods.anatomy.models import named_model
from napari_midl.volumes.grids import mask
from napari_midl.volumes.landmarks import Landmarks
from napari_midl.volumes.meshes import MM, Mesh
from napari_midl.volumes.space import Space

if TYPE_CHECKING:
    from numpy.typing import NDArray

VOXEL_SIZE = (1.0, 0.8, 0.8)
_AIR, _SOFT, _BONE, _NOISE = -950.0, 45.0, 900.0, 60.0
_MARGIN_MM, _BLUR = 8.0, 0.7


def sample(seed: int = 2) -> tuple[Landmarks, Mesh]:
    """Landmarks of a person drawn from the shipped shape model, and the person's mandible.

    Returns
    -------
    landmarks : Landmarks
        All 28, in mm.
    mesh : Mesh
        The surface that they lie on.
    """
    anatomy = Anatomy(named_model("base"))
    drawn = np.random.default_rng(seed).normal(size=len(anatomy.shapes.landmark_modes))
    model = anatomy.shapes
    points = model.mean_landmarks + np.tensordot(drawn, model.landmark_modes, 1)
    surface = model.mean_surface + np.tensordot(drawn, model.surface_modes, 1)
    return Landmarks(anatomy.template.names, points), Mesh(surface, anatomy.faces)


def synthetic_scan(seed: int = 2) -> tuple[NDArray[np.int16], Landmarks, Mesh]:
    """A scan as CT might show that person: bone in soft tissue, holes of air, noise.

    Parameters
    ----------
    seed : int
        Seed of everything drawn at random.

    Returns
    -------
    image : ndarray of int16, shape (Z, Y, X)
        Hounsfield units; voxels of `VOXEL_SIZE` mm.
    landmarks : Landmarks
        In mm from the middle of the first voxel.
    mesh : Mesh
        In the same frame.
    """
    landmarks, mesh = sample(seed)
    corner = mesh.vertices.min(axis=0) - _MARGIN_MM
    mesh = Mesh(mesh.vertices - corner, mesh.faces)
    extent = (mesh.vertices.max(axis=0) + _MARGIN_MM)[::-1]
    shape = tuple(int(n) for n in np.ceil(extent / VOXEL_SIZE))
    rng = np.random.default_rng(seed)
    # Smooth noise above its upper percentiles makes a few holes of air.
    clouds = gaussian_filter(rng.normal(size=shape), 12)
    tissue = np.where(clouds > np.percentile(clouds, 94), _AIR, _SOFT)
    bone = gaussian_filter(mask(mesh, shape, Space(VOXEL_SIZE, MM)).astype(float), _BLUR)
    image = tissue + bone * (_BONE - tissue) + rng.normal(0, _NOISE, shape)
    return image.astype(np.int16), Landmarks(landmarks.names, landmarks.points - corner), mesh
