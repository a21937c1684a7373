"""How a viewer looks at the voxels of an image: which axes it hides, and where its pixels are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.widgets.images import spatial_ndim
from napari_midl.widgets.world import to_data, to_world, voxel_edges

if TYPE_CHECKING:
    from napari.layers import Image
    from numpy.typing import NDArray

    Points = NDArray[np.float64]

# Slices that are as good as the one in view, and how faint a trace is where it fades out.
_NEAR, _FAINTEST = 1.5, 0.15


@dataclass(frozen=True, eq=False)
class Seen:
    """A view of an image with d spatial axes.

    Parameters
    ----------
    at : ndarray, shape (d,)
        Voxel of the slice in view; only what it is along hidden axes means something.
    hidden : ndarray of bool, shape (d,)
        Axes along which one slice is in view; none in 3D.
    first : ndarray, shape (d,)
        Where the voxel 0 lies, in pixels of the canvas along the axes of the world.
    edges : ndarray, shape (d,)
        Size of a voxel, in pixels of the canvas.
    screen : ndarray, shape (2, d)
        Down and right on the canvas, as directions in the world.
    middle, size : ndarray, shape (2,)
        The middle of the canvas, and its height and width, in its pixels.
    """

    at: Points
    hidden: NDArray[np.bool_]
    first: Points
    edges: Points
    screen: Points
    middle: Points
    size: Points

    def pixels(self, voxels: Points) -> Points:
        """Where voxels ``(n, d)`` are on the canvas ``(n, 2)``, from a corner that stays."""
        # A product of matrices would wake all threads of a busy machine.
        found = np.zeros((len(voxels), 2))
        for axis in np.flatnonzero(self.screen.any(axis=0)):
            world = self.first[axis] + voxels[:, axis] * self.edges[axis]
            found += world[:, None] * self.screen[:, axis]
        return found

    def on_canvas(self, voxels: Points) -> NDArray[np.bool_]:
        """Which of some voxels ``(n, d)`` lie on the canvas, or a little beside it."""
        return np.asarray((np.abs(self.pixels(voxels) - self.middle) < self.size).all(axis=1))

    def apart(self, voxels: Points) -> Points:
        """How many slices away from the one in view voxels ``(n, d)`` lie, shape ``(n,)``."""
        found = np.zeros(len(voxels))
        for axis in np.flatnonzero(self.hidden):
            found = np.maximum(found, np.abs(voxels[:, axis] - self.at[axis]))
        return found

    def flat(self, voxels: Points) -> Points:
        """The voxels ``(n, d)`` as if they lay in the slice in view."""
        return np.where(self.hidden, self.at, voxels)


def seen(viewer: Any, image: Image) -> Seen:
    """How a viewer looks at an image."""
    count, camera, dims = spatial_ndim(image), viewer.scene.camera, viewer.dims
    first_axis = dims.ndim - count
    displayed = [axis - first_axis for axis in dims.displayed if axis >= first_axis]
    hidden = np.ones(count, bool)
    hidden[displayed] = False
    screen = np.zeros((2, count))
    if dims.ndisplay == 3 and len(displayed) == 3:
        up = np.asarray(camera.up_direction, float)
        right = np.cross(np.asarray(camera.view_direction, float), up)
        screen[:, displayed] = -up, right
    else:
        for row, axis in zip(screen[-len(displayed[-2:]) :], displayed[-2:], strict=True):
            row[axis] = 1.0
    zoom = float(camera.zoom)
    at = to_data(viewer, image, dims.point)[-count:]
    zero = to_world(viewer, image, [0.0] * image.ndim)[-count:]
    centre = np.zeros(count)
    centre[displayed] = np.asarray(camera.center, float)[-len(displayed) :]
    return Seen(
        at,
        hidden,
        zoom * zero,
        zoom * voxel_edges(viewer, image)[-count:],
        screen,
        zoom * centre @ screen.T,
        np.asarray(viewer.canvas.size, float),
    )


@dataclass(frozen=True)
class Depth:
    """How far before and behind the slice in view traces are seen.

    Parameters
    ----------
    reach : float
        So many slices.
    fades : bool
        Whether they are the fainter the further away they are.
    """

    reach: float = 10.0
    fades: bool = True

    def opaque(self, apart: Points) -> Points:
        """How much is seen of what lies so many slices away, from 1 to 0 beyond the reach."""
        inside = apart <= max(self.reach, 0.5)
        if not self.fades or self.reach <= _NEAR:
            return inside.astype(float)
        share = np.clip((self.reach - apart) / (self.reach - _NEAR), 0, 1)
        return np.where(inside, _FAINTEST + (1 - _FAINTEST) * share, 0.0)
