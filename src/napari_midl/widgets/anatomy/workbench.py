"""What the sections of the anatomy dock share: the scan, its landmarks, and the mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_info
from qtpy.QtCore import QObject, Signal

from napari_midl.errors import InputError
from napari_midl.methods.anatomy.checks import read_set
from napari_midl.methods.anatomy.settings import GenerateSettings
from napari_midl.methods.anatomy.shape_model import FEWEST
from napari_midl.methods.anatomy.template import Template, load_template
from napari_midl.volumes.landmarks import Landmarks, write_landmarks
from napari_midl.widgets.anatomy.frame import Frame
from napari_midl.widgets.anatomy.landmark_layer import LandmarkLayer
from napari_midl.widgets.anatomy.live import Live, Reply, Wish
from napari_midl.widgets.anatomy.mesh_layer import MeshLayer
from napari_midl.widgets.anatomy.sets import (
    known,
    landmarks_file,
    moved,
    next_missing,
    nothing_placed,
)
from napari_midl.widgets.autosave import Autosave
from napari_midl.widgets.bench import Bench
from napari_midl.widgets.history import History
from napari_midl.widgets.images import volume_of
from napari_midl.widgets.project import default_folder

if TYPE_CHECKING:
    from pathlib import Path

    from napari.layers import Image

    from napari_midl.methods.anatomy.outline import Outline


class Workbench(Bench):
    """The state of the dock; the sections change it and follow its signals.

    Attributes
    ----------
    placed : Signal
        The landmarks changed.
    chosen : Signal
        Another landmark is the one to place.
    meshed : Signal
        The mesh changed, or cannot be made.
    template : Template
        Which landmarks there are.
    history : History
        The landmarks, in the order of the template, and the way back.
    current : int
        The landmark that a click places.
    instead : Landmarks, optional
        Shown in the place of the landmarks, such as those of a morph.
    reply : Reply, optional
        The mesh that is shown.
    fault : str
        Why there is no mesh; empty if there is one, or will be.
    """

    placed = Signal()
    chosen = Signal()
    meshed = Signal()

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(viewer, parent)
        self.template: Template = load_template("mandible")
        self.frame = Frame()
        self.history = History(nothing_placed(self.template))
        self.current = 0
        self.model: str | Path = "base"
        self.settings = GenerateSettings()
        self.target: Outline | None = None
        self.instead: Landmarks | None = None
        self.reply: Reply | None = None
        self.fault = ""
        self.points = LandmarkLayer(viewer, self)
        self.mesh = MeshLayer(viewer)
        self.live = Live(self)
        self.autosave = Autosave(write_landmarks, self)
        self.points.dragged.connect(self._on_dragged)
        self.points.edited.connect(self._on_edited)
        self.live.replied.connect(self._on_replied)
        self.live.refused.connect(self._on_refused)
        self.autosave.failed.connect(self.report)

    @property
    def idle(self) -> bool:
        """Whether no job runs; the dock also works without a scan."""
        return not self.runner.running

    @property
    def landmarks(self) -> Landmarks:
        """The landmarks as they stand."""
        return self.history.now

    @property
    def name(self) -> str:
        """Name of the landmark that a click places."""
        return self.template.names[self.current]

    def open(
        self, image: Image, channel: int = 0, time: int = 0, folder: Path | None = None
    ) -> None:
        """Change to a scan, and show the landmarks that were placed in it before.

        Without any, those that were opened before there was a scan stay.

        Raises
        ------
        InputError
            If the image cannot be used; then none is open.
        """
        loose = self.landmarks if self.volume is None else nothing_placed(self.template)
        self.close()
        volume = volume_of(image, channel, time)
        frame = Frame.over(image, volume)
        self.image, self.volume, self.frame = image, volume, frame
        self.channel, self.time = channel, time
        self.folder = folder or default_folder(volume)
        restored = self._restored()
        if restored is not None:
            count = int(restored.placed.sum())
            show_info(f"Restored {count} landmark(s) from {self.folder}")
        self._begin(loose if restored is None else restored)
        if restored is None and loose.placed.any():
            self._keep()

    def close(self) -> None:
        """Close the scan; its landmarks are saved."""
        self.runner.cancel()
        self.autosave.flush()
        self.image = self.volume = self.folder = None
        self.frame, self.target = Frame(), None
        self._begin(nothing_placed(self.template))

    def take_template(self, template: Template) -> None:
        """Change to another kind of shape; landmarks of the same names stay."""
        if template != self.template:
            kept = self.landmarks
            self.template = template
            self._begin(known(kept, template))

    def write(self, landmarks: Landmarks) -> None:
        """Make an edit, which can be undone."""
        self.history.write(landmarks)
        self._edited()

    def replace(self, landmarks: Landmarks) -> None:
        """Take other landmarks, which can be undone, and go to the first that is missing."""
        self.history.write(landmarks)
        self.current = next_missing(landmarks, after=-1)
        self._edited()

    def place(self, point: np.ndarray) -> None:
        """Place the current landmark ``(x, y, z)`` in mm, and go to the next that is missing."""
        self.history.write(moved(self.landmarks, {self.name: point}))
        self.current = next_missing(self.landmarks, after=self.current)
        self._edited()

    def clear(self, index: int) -> None:
        """Make a landmark missing again."""
        self.write(moved(self.landmarks, {self.template.names[index]: None}))

    def undo(self) -> None:
        """Take the last edit back."""
        before = self.landmarks
        self.history.undo()
        self._follow_history(before)
        self._edited()

    def redo(self) -> None:
        """Make it again."""
        before = self.landmarks
        self.history.redo()
        self._follow_history(before)
        self._edited()

    def choose(self, index: int) -> None:
        """Make a landmark the one that a click places."""
        if index != self.current:
            self.current = index
            self._show_points()
            self.chosen.emit()
            self.changed.emit()

    def show_instead(self, landmarks: Landmarks | None) -> None:
        """Show the mesh of other landmarks, or again of these."""
        self.instead = landmarks
        self.regenerate()

    def regenerate(self, landmarks: Landmarks | None = None, coarse: bool = False) -> None:
        """Make the mesh anew, from these landmarks if not from those that are shown."""
        if landmarks is None:
            landmarks = self.instead or self.landmarks
        if landmarks.placed.sum() < FEWEST:
            self.live.forget()
            self._no_mesh("")
            return
        self.live.ask(Wish(landmarks, self.model, self.settings, self.frame, self.target, coarse))

    def shut_down(self) -> None:
        """End the job, save, and take the layers out of the viewer."""
        self.ended = True
        self.live.shut_down()
        self.runner.shut_down()
        self.autosave.flush()
        self.points.stop()
        self.mesh.clear()

    def _begin(self, landmarks: Landmarks) -> None:
        """Show other landmarks, without a way back."""
        self.live.forget()
        self.mesh.clear()
        self.points.clear()
        self.reply, self.instead, self.fault = None, None, ""
        self.history = History(landmarks)
        self.current = next_missing(landmarks, after=-1)
        self.opened.emit()
        self._show()

    def _follow_history(self, before: Landmarks) -> None:
        """Make a landmark that was taken back the current one, so that it is placed anew."""
        taken_back = np.flatnonzero(before.placed & ~self.landmarks.placed)
        if len(taken_back):
            self.current = int(taken_back[0])
        elif self.landmarks.placed[self.current]:
            self.current = next_missing(self.landmarks, after=self.current)

    def _edited(self) -> None:
        self.instead = None
        self._keep()
        self._show()

    def _keep(self) -> None:
        if self.folder is not None:
            self.autosave.save(landmarks_file(self.folder), self.landmarks)

    def _show(self) -> None:
        self._show_points()
        self.regenerate()
        self.placed.emit()
        self.chosen.emit()
        self.changed.emit()

    def _show_points(self) -> None:
        if self.points.dragging:
            return
        if self.volume is None and not self.landmarks.placed.any():
            self.points.clear()
            return
        generated = self.reply.generated if self.reply is not None else None
        self.points.next_name = self.name
        self.points.show(
            self.frame,
            self.landmarks,
            generated.landmarks if generated is not None else None,
            generated.misplaced if generated is not None else (),
            {item.name: item.number for item in self.template.landmarks},
            self.name,
        )

    def _on_dragged(self, changes: dict[str, Any]) -> None:
        self.instead = None
        self.regenerate(moved(self.landmarks, changes), coarse=True)

    def _on_edited(self, changes: dict[str, Any]) -> None:
        self.write(moved(self.landmarks, changes))

    def _on_replied(self, reply: Reply) -> None:
        self.reply, self.fault = reply, ""
        self.mesh.show(reply)
        self._show_points()
        self.meshed.emit()

    def _on_refused(self, error: Exception) -> None:
        if not isinstance(error, InputError):
            self.report(error)
        self._no_mesh(str(error))

    def _no_mesh(self, fault: str) -> None:
        self.reply, self.fault = None, fault
        self.mesh.clear()
        self._show_points()
        self.meshed.emit()

    def _restored(self) -> Landmarks | None:
        assert self.folder is not None
        path = landmarks_file(self.folder)
        if not path.exists():
            return None
        try:
            return read_set(path, self.template)
        except InputError as error:
            self.report_damaged(path, error)
            return None
