"""A mesh that follows the landmarks: generated in a thread, the newest wish only.

Generating and drawing take turns. Side by side each takes twice as long, since a thread that
computes and the window wait for the same interpreter, and the window stutters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, QThreadPool, QTimer, Signal

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.methods.anatomy.apply import Anatomy, Generated
    from napari_midl.methods.anatomy.outline import Outline
    from napari_midl.methods.anatomy.settings import GenerateSettings
    from napari_midl.volumes.landmarks import Landmarks
    from napari_midl.widgets.anatomy.frame import Frame

LONGEST_WAIT_MS = 10_000
_DRAWING_MS = 50
# One in thirteen of the vertices of a mandible remains.
_CELL_MM = 4.0


@dataclass(frozen=True)
class Wish:
    """What to generate, and how to show it.

    Parameters
    ----------
    landmarks : Landmarks
        At least four.
    model : str or Path
        As in `named_model`.
    settings : GenerateSettings
        How to generate.
    frame : Frame
        Where the mesh is shown.
    target : Outline, optional
        What to measure the distance to; else the uncertainty is shown.
    coarse : bool
        Show fewer triangles, which are quicker to draw while a hand moves.
    """

    landmarks: Landmarks
    model: str | Path
    settings: GenerateSettings
    frame: Frame
    target: Outline | None = None
    coarse: bool = False


@dataclass(frozen=True)
class Reply:
    """A generated mesh, ready to be shown.

    Parameters
    ----------
    wish : Wish
        What it was generated from.
    generated : Generated
        Mesh, uncertainty and landmarks, in mm.
    vertices : ndarray of float32, shape (V, 3)
        In data of the frame.
    faces : ndarray of int32, shape (F, 3)
        Triangles of those vertices; fewer than the mesh has, where it was to be coarse.
    values : ndarray of float32, shape (V,)
        What its colours show, in mm.
    volume : float
        What the mesh encloses, in cubic mm.
    sha256 : str
        Hash of the model's weights.
    """

    wish: Wish
    generated: Generated
    vertices: np.ndarray
    faces: np.ndarray
    values: np.ndarray
    volume: float
    sha256: str


class Live(QObject):
    """Grants the newest wish; those that were overtaken while another was granted are left out.

    Attributes
    ----------
    replied : Signal(Reply)
        In the order of the wishes.
    refused : Signal(Exception)
        The newest wish cannot be granted.
    """

    replied = Signal(object)
    refused = Signal(object)
    _done = Signal(int, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._next: Wish | None = None
        self._busy = False
        self._generation = 0
        self._loaded: tuple[str | Path, Anatomy, str] | None = None
        self._done.connect(self._on_done)

    def ask(self, wish: Wish) -> None:
        """Wish for a mesh."""
        self._next = wish
        if not self._busy:
            self._grant()

    def forget(self) -> None:
        """Drop all wishes, and the reply that is under way."""
        self._next = None
        self._generation += 1

    def shut_down(self) -> None:
        """Forget, and wait for the thread."""
        self.forget()
        self._pool.waitForDone(LONGEST_WAIT_MS)

    def _grant(self) -> None:
        wish, self._next = self._next, None
        self._busy = wish is not None
        if wish is not None:
            generation = self._generation
            self._pool.start(lambda: self._reply(generation, wish))

    def _reply(self, generation: int, wish: Wish) -> None:
        try:
            reply: Reply | Exception = self._generate(wish)
        except Exception as error:  # shown to the person by whoever follows `refused`
            reply = error
        self._done.emit(generation, reply)

    def _generate(self, wish: Wish) -> Reply:
        if self._loaded is None or self._loaded[0] != wish.model:
            self._loaded = (wish.model, *load(wish.model))
        _, anatomy, sha256 = self._loaded
        generated = anatomy.generate(wish.landmarks, wish.settings)
        vertices, faces, values = (
            generated.mesh.vertices,
            generated.mesh.faces,
            generated.uncertainty,
        )
        if wish.coarse:
            kept, faces = merged(vertices, faces)
            vertices, values = vertices[kept], values[kept]
        if wish.target is not None:
            values = wish.target.distance(vertices)
        return Reply(
            wish,
            generated,
            wish.frame.to_data(vertices).astype(np.float32),
            faces,
            np.asarray(values, np.float32),
            generated.mesh.volume,
            sha256,
        )

    def _on_done(self, generation: int, reply: Reply | Exception) -> None:
        QTimer.singleShot(_DRAWING_MS, self._grant)
        if generation != self._generation:
            return
        if isinstance(reply, Exception):
            self.refused.emit(reply)
        else:
            self.replied.emit(reply)


def merged(
    vertices: np.ndarray, faces: np.ndarray, cell: float = _CELL_MM
) -> tuple[np.ndarray, np.ndarray]:
    """Vertices that share a cube become one, the first (Rossignac and Borrel, 1993).

    Returns
    -------
    kept : ndarray, shape (v,)
        Which vertices stay.
    faces : ndarray of int32, shape (f, 3)
        The triangles that still have three corners, in terms of those.
    """
    cells = np.floor(vertices / cell).astype(np.int64)
    cells -= cells.min(axis=0)
    key = np.ravel_multi_index(tuple(cells.T), tuple(cells.max(axis=0) + 1))
    _, kept, inverse = np.unique(key, return_index=True, return_inverse=True)
    left = inverse[faces]
    whole = (left != np.roll(left, 1, axis=1)).all(axis=1)
    return kept, left[whole].astype(np.int32)


def load(name: str | Path) -> tuple[Anatomy, str]:
    """A model made ready, and the hash of its weights; torch is imported here, not before."""
    from napari_midl.methods.anatomy.apply import Anatomy
    from napari_midl.methods.anatomy.models import named_model

    model = named_model(name)
    return Anatomy(model), model.sha256
