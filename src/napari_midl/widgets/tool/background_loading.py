"""Planes of a large image are loaded in the background, so that the window never waits for them.

napari can do so, but does it only if its preferences say so (Experimental, Render Layers
Asynchronously). While a tool works on an image that does not fit into the memory that preference
is on; afterwards it is as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.settings import get_settings
from napari.utils.notifications import show_info

if TYPE_CHECKING:
    from napari_midl.volumes.volume import Volume

# A plane through chunks of an image of this size takes longer to read than a window may wait.
LARGE = 2**30
_SAID = (
    "This image is large: while the dock is open napari loads its planes in the background "
    "(Preferences, Experimental, Render Layers Asynchronously)."
)


class BackgroundLoading:
    """Keeps the preference on while a large image is open, unless a person turns it off."""

    def __init__(self) -> None:
        self._on = self._refused = False

    def follow(self, volume: Volume | None, in_memory: bool) -> None:
        """Turn it on or back, for the image that is now open, or none."""
        preferences = get_settings().experimental
        if self._on and not preferences.async_:
            self._on, self._refused = False, True
        large = volume is not None and not in_memory and _size(volume) > LARGE
        if large and not (preferences.async_ or self._refused):
            preferences.async_ = self._on = True
            show_info(_SAID)
        elif self._on and not large:
            self.end()

    def end(self) -> None:
        """Turn it back, if it was off."""
        if self._on:
            get_settings().experimental.async_ = self._on = False


def _size(volume: Volume) -> int:
    """Bytes of the finest level."""
    return int(np.prod(volume.shape, dtype=float) * volume.data.dtype.itemsize)
