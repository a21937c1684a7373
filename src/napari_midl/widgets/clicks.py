"""Clicks into the image, told apart from drags."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.errors import InputError
from napari_midl.widgets.images import spatial_ndim
from napari_midl.widgets.world import own_units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from napari.layers import Image

LEFT = 1
_STILL = 4.0


@dataclass(frozen=True)
class Click:
    """A click into the canvas.

    Parameters
    ----------
    position : tuple of float
        World coordinates; in 3D of some point on the ray from the eye.
    direction : ndarray, optional
        World direction of that ray; none in 2D.
    displayed : tuple of int
        Axes of the view.
    shift : bool
        Whether Shift was held.
    units : tuple of pint.Unit, optional
        Of the world's axes; None where a layer's own are meant.
    """

    position: tuple[float, ...]
    direction: np.ndarray | None
    displayed: tuple[int, ...]
    shift: bool
    units: tuple[Any, ...] | None = None

    @classmethod
    def of(cls, viewer: Any, event: Any) -> Click:
        """What a mouse event of napari means."""
        return cls(
            tuple(event.position),
            None if event.view_direction is None else np.array(event.view_direction, float),
            tuple(event.dims_displayed),
            any(str(getattr(key, "name", key)) == "Shift" for key in event.modifiers),
            viewer.layers.units,
        )

    @property
    def in_3d(self) -> bool:
        """Whether the view was 3D, so that the click has no depth."""
        return self.direction is not None

    def on(self, layer: Any) -> Click:
        """The click in the units of a layer."""
        ratio = np.ones(len(self.position))
        ratio[-layer.ndim :] = own_units(layer, self.units)
        position = tuple((np.asarray(self.position) * ratio).tolist())
        direction = self.direction
        if direction is not None:
            direction = direction * ratio
            direction = direction / np.linalg.norm(direction)
        return replace(self, position=position, direction=direction, units=None)

    def beside(self, place: Sequence[float]) -> np.ndarray:
        """From the ray of a click in 3D, at its nearest, to a place in the world."""
        to_place = np.zeros(len(self.position))
        to_place[-len(place) :] = np.subtract(place, self.position[-len(place) :])
        if self.direction is None:
            return to_place
        return to_place - (to_place @ self.direction) * self.direction

    def ray_in(self, layer: Any) -> tuple[np.ndarray, np.ndarray] | None:
        """Where the ray from the eye enters and leaves a layer's box, in its data; or None."""
        own, count = self.on(layer), layer.ndim
        if own.direction is None:
            return None
        displayed = [axis - (len(own.position) - count) for axis in own.displayed]
        start, end = layer.get_ray_intersections(
            own.position[-count:], own.direction[-count:], displayed, world=True
        )
        return None if start is None else (np.asarray(start), np.asarray(end))


class Clicks:
    """Calls back with each click.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to listen.
    clicked : callable
        Called with the `Click`.
    wanted : callable
        Whether clicks mean something now; else they are left to napari.
    """

    def __init__(
        self,
        viewer: Any,
        clicked: Callable[[Click], object],
        wanted: Callable[[], bool],
    ) -> None:
        self._viewer, self._clicked, self._wanted = viewer, clicked, wanted
        viewer.mouse_drag_callbacks.append(self._on_press)

    def stop(self) -> None:
        """Listen no more."""
        if self._on_press in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_press)

    def _on_press(self, viewer: Any, event: Any) -> Iterator[None]:
        if event.button != LEFT or not self._wanted():
            return
        start = np.array(event.pos, float)
        click = Click.of(viewer, event)
        yield
        far = 0.0
        while event.type == "mouse_move":
            far = max(far, _apart(event, start))
            yield
        far = max(far, _apart(event, start))
        if far <= _STILL:
            self._clicked(click)


def _apart(event: Any, start: np.ndarray) -> float:
    return float(np.abs(np.array(event.pos, float) - start).max())


def voxel_at(
    image: Image, shape: Sequence[int], position: Sequence[float]
) -> tuple[float, float, float]:
    """Voxel ``(z, y, x)`` of a volume in an image, with its fraction, at a position in its units.

    Raises
    ------
    InputError
        If it lies beside the image.
    """
    count = spatial_ndim(image)
    voxel = np.zeros(3)
    voxel[-count:] = np.asarray(image.world_to_data(position), float)[-count:]
    highest = np.asarray(shape) - 1
    if (voxel < -0.5).any() or (voxel > highest + 0.5).any():
        raise InputError(f"That place lies beside {image.name}; click inside the image.")
    z, y, x = np.clip(voxel, 0, highest).tolist()
    return z, y, x
