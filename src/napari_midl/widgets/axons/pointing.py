"""Which voxel a click means: in a slice the one under it, in depth the brightest on the ray."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_midl.errors import InputError
from napari_midl.methods.axons.polarity import are_dark
from napari_midl.methods.axons.rays import brightest_on_ray
from napari_midl.widgets.axons.seen import seen
from napari_midl.widgets.clicks import Click, voxel_at
from napari_midl.widgets.covering import refuse_hidden
from napari_midl.widgets.images import spatial_ndim
from napari_midl.widgets.threads import LONGEST_WAIT_MS, OneThread

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_midl.methods.axons.requests import Voxel
    from napari_midl.volumes.volume import Volume
    from napari_midl.widgets.axons.bench import AxonsBench

    Ray = tuple[NDArray[np.float64], NDArray[np.float64]]

T = TypeVar("T")


class Pointing(QObject):
    """Finds the voxels of clicks, in the order of the clicks.

    Parameters
    ----------
    bench : AxonsBench
        Whose image is clicked into.

    Attributes
    ----------
    failed : Signal(Exception)
        The image could not be read.
    """

    failed = Signal(object)
    _found = Signal(object, object, object)

    def __init__(self, bench: AxonsBench) -> None:
        super().__init__(bench)
        self._bench = bench
        self._thread = OneThread()
        self._looked: list[Voxel] = []
        self._found.connect(self._on_found)

    def at(self, click: Click, then: Callable[[Voxel], object]) -> None:
        """Call a function with the voxel ``(z, y, x)`` of a click, now or once it is found.

        Raises
        ------
        InputError
            If it lies beside the image, or another one hides the image there.
        """
        volume, image = self._bench.opened_volume, self._bench.opened_image
        refuse_hidden(self._bench.viewer, image, click.position, "in which you trace")
        ray = self.ray(click)
        if ray is None:
            then(voxel_at(image, volume.shape, click.on(image).position))
            return
        z, y, x = (float(v) for v in ray[0])
        fibres = self._bench.fibres

        def brightest() -> Voxel:
            dark = are_dark(volume, fibres)
            return brightest_on_ray(volume, ray[0].tolist(), ray[1].tolist(), dark)

        self.look((z, y, x), brightest, then)

    def look(self, place: Voxel, find: Callable[[], T], then: Callable[[T], object]) -> None:
        """Call a function with what is found in the image, which takes a while.

        Parameters
        ----------
        place : tuple of float
            Voxel that is marked meanwhile.
        find : callable
            Looks at the image, in another thread.
        then : callable
            Told what was found, unless another image was opened.
        """
        volume = self._bench.opened_volume
        self._looked.append(place)
        self._mark()
        self._thread.start(lambda: self._look(volume, find, then))

    def ray(self, click: Click) -> Ray | None:
        """First and last voxel of all that a click may mean; None where it means one voxel."""
        bench = self._bench
        image, volume, slab = bench.opened_image, bench.opened_volume, bench.projection.slab
        if click.in_3d:
            if spatial_ndim(image) == 2:
                raise InputError(f"{image.name} is a plane; change to the 2D view to click in it.")
            found = click.ray_in(image)
            if found is None:
                raise InputError(f"That place lies beside {image.name}; click inside the image.")
            start, end = found
            return start[-3:], end[-3:]
        if slab is None:
            return None
        place = np.array(voxel_at(image, volume.shape, click.on(image).position))
        hidden = seen(bench.viewer, image).hidden
        return (
            np.where(hidden, slab[0], place).astype(float),
            np.where(hidden, slab[1] - 1, place).astype(float),
        )

    def shut_down(self) -> None:
        """Wait for the thread."""
        self._thread.wait(LONGEST_WAIT_MS, self)

    def _look(self, volume: Volume, find: Callable[[], T], then: Callable[[T], object]) -> None:
        answer: object
        try:
            answer = find()
        except Exception as error:  # told by whoever follows `failed`
            answer = error
        with suppress(RuntimeError):  # the dock may have been closed, and this object with it
            self._found.emit(volume, then, answer)

    def _on_found(self, volume: Volume, then: Callable[[object], object], answer: object) -> None:
        del self._looked[:1]
        if self._bench.volume is not volume or self._bench.ended:
            return
        self._mark()
        if isinstance(answer, Exception):
            self.failed.emit(answer)
        else:
            then(answer)

    def _mark(self) -> None:
        self._bench.layers.marks.show("looked for", self._looked)
