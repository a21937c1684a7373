"""What the sections of the anatomy dock share: the scan, its landmarks, and the mesh."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_info
from qtpy.QtCore import QObject, Signal

from napari_midl.engine.history import History
from napari_midl.engine.project import landmarks_file
from napari_midl.errors import InputError
from napari_midl.methods.anatomy.asking import order_of
from napari_midl.methods.anatomy.checks import SwappedSides, read_kept
from napari_midl.methods.anatomy.editing import LandmarkEditor, landmark_points
from napari_midl.methods.anatomy.landmark_model import MIN_LANDMARKS
from napari_midl.methods.anatomy.live import LiveGenerator, MeshRequest, ShownMesh
from napari_midl.methods.anatomy.scan import as_scan
from napari_midl.methods.anatomy.summary import outside_in_words
from napari_midl.methods.anatomy.template import load_template, template_of
from napari_midl.volumes.counting import counted
from napari_midl.volumes.landmarks import Landmarks, write_landmarks
from napari_midl.widgets.anatomy.directions import Directions
from napari_midl.widgets.anatomy.landmark_layer import LandmarkLayer
from napari_midl.widgets.anatomy.mesh_layer import MeshLayer
from napari_midl.widgets.autosave import Autosave
from napari_midl.widgets.images import placed_over
from napari_midl.widgets.latest import LatestWorker
from napari_midl.widgets.tool.bench import Bench

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari.layers import Image

    from napari_midl.methods.anatomy.apply import Generated
    from napari_midl.methods.anatomy.editing import Changes
    from napari_midl.methods.anatomy.outline import Outline
    from napari_midl.volumes.volume import Volume

_IN_MM = {"units": ("mm",) * 3, "axis_labels": ("z", "y", "x")}
# Generating and drawing take turns. Side by side each takes twice as long, since a thread that
# computes and the window wait for the same interpreter, and the window stutters.
_DRAWING_MS = 50
# Landmarks in a file are rounded, mm.
_AS_WRITTEN = 1e-3


class AnatomyBench(Bench):
    """The state of the anatomy dock; it also works without a scan.

    Attributes
    ----------
    placed : Signal
        The landmarks changed.
    chosen : Signal
        Another landmark is the one to place.
    editor : LandmarkEditor
        The landmarks, which of them is next, and the way back.
    request : MeshRequest
        What the mesh is made of, and where it lies.
    fit : MeshRequest or None
        The last fit to this scan, and what it was made of: shown whenever that is as it was.
    shown : ShownMesh or None
        The mesh that is shown.
    fault : str
        Why there is no mesh; empty if there is one, or will be.
    swapped : bool
        Whether that is because left and right are swapped.
    """

    placed = Signal()
    chosen = Signal()

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(viewer, parent)
        self.editor = LandmarkEditor(load_template("mandible"), order_of("base"))
        self.request = MeshRequest(self.landmarks)
        self.fit: MeshRequest | None = None
        self.shown: ShownMesh | None = None
        self.fault = ""
        self.swapped = False
        self._on_the_way: Landmarks | None = None
        self._left: tuple[Path | None, History[Landmarks]] = (None, self.editor.history)
        self.points = LandmarkLayer(viewer, self)
        self.mesh = MeshLayer(viewer, self)
        self.directions = Directions(viewer)
        self.live = LatestWorker(LiveGenerator().generate, _DRAWING_MS, self)
        self.autosave = Autosave(write_landmarks, self)
        self.points.dragged.connect(self._on_dragged)
        self.points.edited.connect(self._on_edited)
        self.live.answered.connect(self._on_generated)
        self.live.failed.connect(self._on_refused)
        self.autosave.failed.connect(self.report)
        self._lay_over(None, _IN_MM)

    @property
    def idle(self) -> bool:
        """Whether no job runs; the dock also works without a scan."""
        return not self.runner.running

    @property
    def landmarks(self) -> Landmarks:
        """The landmarks as they stand."""
        return self.editor.landmarks

    @property
    def drawn(self) -> Landmarks:
        """The landmarks that are shown: those of a morph while it is on its way."""
        return self._on_the_way or self.landmarks

    def take(
        self, image: Image, volume: Volume, channel: int, time: int, folder: Path | None
    ) -> None:
        """Open a scan with the landmarks that were placed in it before, or those at hand."""
        super().take(image, volume, channel, time, folder)
        # Only now is the model of this project chosen, which names the landmarks.
        restored, at_hand = self._restored(), self.landmarks
        if restored is not None and self._is_left(restored):
            self._begin(self._left[1])
        else:
            self._begin(History(at_hand if restored is None else restored))
        if restored is not None:
            placed = counted(int(restored.placed.sum()), "landmark")
            show_info(f"Restored {placed} from {self.folder}")
            self.say_outside(landmarks_file(self.opened_folder))
        elif at_hand.placed.any():
            self._keep()

    def volume_in(self, image: Image, channel: int, time: int) -> Volume:
        """The scan, whose voxels have a size in millimetres."""
        volume = super().volume_in(image, channel, time)
        try:
            return as_scan(volume)
        except InputError:
            raise InputError(
                f"The voxel size is not known ({volume.space.unknown}), and landmarks are in mm: "
                "type it in at Voxel size."
            ) from None

    def attach(self) -> None:
        """Lay mesh and landmarks over the scan from now on."""
        self._lay_over(self.opened_volume, placed_over(self.opened_image))

    def detach(self) -> None:
        """Save the landmarks of the scan and forget them; those of no scan stay."""
        if self.volume is None:
            return
        if not self.autosave.flush():
            raise InputError(
                f"The landmarks of {self.volume.name} are still being written; wait a little, "
                "then try again."
            )
        if not self.ended:
            self._left = (self.opened_folder, self.editor.history)
            self._lay_over(None, _IN_MM)
            self.editor.begin()

    def use(self, model: str | Path) -> None:
        """Generate with another model; landmarks that its shape lacks are left out."""
        self.request = replace(self.request, model=model)
        try:
            template, order = template_of(model), order_of(model)
        except InputError as error:
            self.live.forget()
            self._no_mesh(str(error))
            return
        if template != self.editor.template:
            self.editor.change_template(template, order)
            self._begin(self.editor.history)
        else:
            self.regenerate()

    def edit(self, change: Callable[..., object], *values: Any) -> None:
        """Change the landmarks by a method of `editor`, such as ``place``; keep and show them."""
        change(*values)
        self._keep()
        self._show()

    def say_outside(self, path: Path) -> None:
        """Say how many of the landmarks, which came from a file, lie outside the scan, if any."""
        said = outside_in_words(self.landmarks, self.opened_volume)
        if said:
            show_info(f"{path.name}: {said}")

    def choose(self, index: int) -> None:
        """Make a landmark the one that a click places."""
        if index != self.editor.current:
            self.editor.current = index
            self._show_points()
            self.chosen.emit()

    def show_morph(self, landmarks: Landmarks | None) -> None:
        """Show mesh and landmarks on their way to another set, until an edit; None ends it."""
        self._on_the_way = landmarks
        self._show_points()
        self.regenerate(landmarks=self.drawn)

    def show_fitted(self, generated: Generated, of: MeshRequest) -> bool:
        """Show a mesh that was pulled onto the bone, while all is as it was made of.

        Returns
        -------
        bool
            Whether it is so now.
        """
        self.fit = replace(of, fitted=generated)
        fits = self.fit.same_shape(self.request)
        if fits:
            self.regenerate(target=None, to_bone=True)
        else:
            self.result.emit()
        return fits

    def colour(self, target: Outline | None, to_bone: bool = False) -> None:
        """Colour the mesh that is shown by its distance to something, or by its uncertainty.

        Parameters
        ----------
        target : Outline, optional
            What to measure the distance to.
        to_bone : bool
            Without a target: show how far a fitted mesh lies from the bone.
        """
        self.request = replace(self.request, target=target, to_bone=to_bone)
        if self.shown is not None:
            self.live.ask(self.request)

    def regenerate(self, coarse: bool = False, **changes: Any) -> None:
        """Make the mesh anew, with changes of the `request`, or show the `fit` of just that."""
        request = replace(self.request, coarse=coarse, fitted=None, **changes)
        if self.fit is not None and self.fit.same_shape(request):
            request = replace(request, coarse=False, fitted=self.fit.fitted)
        self.request = request
        if self.request.landmarks.placed.sum() < MIN_LANDMARKS:
            self.live.forget()
            self._no_mesh("")
        else:
            self.live.ask(self.request)

    def shut_down(self) -> None:
        """End the job, save, and take the layers out of the viewer."""
        self.live.shut_down()
        super().shut_down()
        self.points.stop()
        self.mesh.stop()
        self.directions.stop()

    def _begin(self, history: History[Landmarks]) -> None:
        """Show other landmarks, with their way back."""
        self._clear()
        self.editor.resume(history)
        self._show()

    def _is_left(self, restored: Landmarks) -> bool:
        """Whether landmarks are those of the image that was just closed, as a new size does it."""
        folder, history = self._left
        left = history.now
        return (
            folder == self.folder
            and left.names == restored.names
            and np.allclose(left.points, restored.points, atol=_AS_WRITTEN, equal_nan=True)
        )

    def _clear(self) -> None:
        """Take mesh and landmarks out of the viewer."""
        self.live.forget()
        self.points.clear()
        self.mesh.clear()
        self.shown, self.fault, self.swapped, self._on_the_way = None, "", False, None

    def _lay_over(self, scan: Volume | None, placement: dict[str, Any]) -> None:
        self._clear()
        self.fit = None
        self.request = replace(self.request, scan=scan, target=None, fitted=None)
        self.points.space = self.request.space
        self.points.placement = self.mesh.placement = placement
        known = scan is not None and scan.space.anatomical
        box = None if scan is None else np.array([(0, 0, 0), np.subtract(scan.shape[-3:], 1)])
        self.directions.show(self.request.space if known else None, box, placement)

    def _keep(self) -> None:
        if self.folder is not None:
            self.autosave.save(landmarks_file(self.folder), self.landmarks)

    def _show(self) -> None:
        self._on_the_way = None
        self._show_points()
        self.regenerate(landmarks=self.landmarks)
        self.placed.emit()
        self.chosen.emit()

    def _show_points(self) -> None:
        if self.points.dragging:
            return
        if self.volume is None and not self.landmarks.placed.any():
            self.points.clear()
            return
        self.points.next_name = self.editor.name
        generated = self.shown.generated if self.shown is not None else None
        self.points.show(landmark_points(self.editor, generated, self.drawn))

    def _on_dragged(self, changes: Changes) -> None:
        if changes:
            self.regenerate(landmarks=self.drawn.moved(changes), coarse=True)

    def _on_edited(self, changes: Changes) -> None:
        if changes:
            self.edit(self.editor.write, self.drawn.moved(changes))
        elif self.request.coarse:
            # Dragged, and brought back to where it was.
            self.regenerate(landmarks=self.drawn)
        else:
            # What came while the button was down has not been shown.
            self._show_points()
            self.result.emit()

    def _on_generated(self, made: ShownMesh) -> None:
        if made.request.scan is None and self.shown is None:
            # Landmarks alone lie in the world (LPS).
            box = np.array([made.vertices.min(axis=0), made.vertices.max(axis=0)])
            self.directions.show(made.request.space, box, self.mesh.placement)
        self.shown, self.fault, self.swapped = made, "", False
        self.mesh.show(made)
        self._show_points()
        self.result.emit()

    def _on_refused(self, error: Exception) -> None:
        if not isinstance(error, InputError):
            self.report(error, "Generating")
        self._no_mesh(str(error), isinstance(error, SwappedSides))

    def _no_mesh(self, fault: str, swapped: bool = False) -> None:
        self.shown, self.fault, self.swapped = None, fault, swapped
        self.mesh.clear()
        self._show_points()
        self.result.emit()

    def _restored(self) -> Landmarks | None:
        path = landmarks_file(self.opened_folder)
        self.autosave.saw(path)
        if not path.exists():
            return None
        try:
            return read_kept(path, self.editor.template)
        except InputError as error:
            self.report_damaged(path, error)
            return None
