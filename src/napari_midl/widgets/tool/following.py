"""Hearing of images that are given another size or place, by whichever means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_midl.widgets.parts.section import once_after

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Image
    from qtpy.QtCore import QObject

    from napari_midl.widgets.tool.bench import Bench

_REST_MS = 200


class Following:
    """Calls once the images that it follows have come to rest, and no job is running.

    Parameters
    ----------
    bench : Bench
        A result of its running job is to be shown, and belongs to the size with which it began.
    changed : callable
        Called without arguments.
    parent : QObject
        Of the timer.
    """

    def __init__(self, bench: Bench, changed: Callable[[], object], parent: QObject) -> None:
        self._bench, self._changed = bench, changed
        self._images: tuple[Image, ...] = ()
        self._timer = once_after(_REST_MS, self._on_rest, parent)

    def follow(self, *images: Image | None) -> None:
        """Follow these images from now on, and no others."""
        wanted = tuple(image for image in images if image is not None)
        for layers, connect in ((self._images, False), (wanted, True)):
            for layer in layers:
                for event in (layer.events.scale, layer.events.units, layer.events.translate):
                    (event.connect if connect else event.disconnect)(self._on_placed)
        self._images = wanted

    def settle(self) -> None:
        """All that has changed until now is known already."""
        self._timer.stop()

    def _on_placed(self, event: Any = None) -> None:
        self._timer.start()

    def _on_rest(self) -> None:
        if not self._images or self._bench.ended:
            return
        if self._bench.runner.running:
            self._timer.start()
        else:
            self._changed()
