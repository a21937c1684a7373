"""The voxels of the open scan for clicks in 3D, read behind the scenes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, QThreadPool, Signal

if TYPE_CHECKING:
    from napari_midl.volumes.volume import Volume

_MOST_VOXELS = 2**27
_SAMPLE = 1_000_000
LONGEST_WAIT_MS = 10_000


class ScanCopy(QObject):
    """Keeps the finest level of a scan that fits, and guesses where its bone begins.

    Attributes
    ----------
    ready : Signal
        The voxels and the threshold are there.
    voxels : ndarray, shape (Z, Y, X), or None
        They are a view where the scan is in memory already.
    threshold : float
        Guessed value between soft tissue and bone.
    why : str
        Why there are no voxels.
    """

    ready = Signal()
    _read = Signal(object, object, float)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._volume: Volume | None = None
        self.voxels: np.ndarray | None = None
        self.threshold = 0.0
        self.why = "No scan is open"
        self._read.connect(self._on_read)

    def follow(self, volume: Volume | None) -> None:
        """Change to another scan."""
        if volume is self._volume:
            return
        self._volume, self.voxels, self.why = volume, None, "No scan is open"
        if volume is None:
            return
        levels = [level for level in volume.levels if level.size <= _MOST_VOXELS]
        if not levels:
            self.why = f"{volume.name} is too large for clicks in 3D"
            return
        self.why = f"{volume.name} is still being read"
        self._pool.start(lambda: self._load(volume, levels[0]))

    def shut_down(self) -> None:
        """Wait for the thread."""
        self._volume = None
        self._pool.waitForDone(LONGEST_WAIT_MS)

    def _load(self, volume: Volume, level: Any) -> None:
        try:
            voxels = np.asarray(level.compute(scheduler="synchronous"))
            threshold = bone_threshold(voxels)
        except Exception as error:  # a damaged file must not end the window
            self._read.emit(volume, error, 0.0)
            return
        self._read.emit(volume, voxels, threshold)

    def _on_read(self, volume: Volume, voxels: Any, threshold: float) -> None:
        if volume is not self._volume:
            return
        if isinstance(voxels, Exception):
            self.why = f"{volume.name} cannot be read ({voxels})"
            return
        self.voxels, self.threshold = voxels, threshold
        self.ready.emit()


def bone_threshold(voxels: np.ndarray) -> float:
    """The upper of the two thresholds that part a CT into air, soft tissue and bone.

    Otsu's method for three classes, on a sample of the voxels.
    """
    from skimage.filters import threshold_multiotsu

    stride = max(1, round((voxels.size / _SAMPLE) ** (1 / 3)))
    sample = np.asarray(voxels[::stride, ::stride, ::stride], np.float32)
    try:
        return float(threshold_multiotsu(sample)[-1])
    except ValueError:  # fewer than three values
        return float((sample.min() + sample.max()) / 2)
