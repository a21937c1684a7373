"""What the sections of a dock share: the open image, its project folder and the jobs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QObject, Signal

from napari_midl.engine.inputs import ImageIn
from napari_midl.engine.project import (
    default_folder,
    keep_size,
    set_aside,
    size_file,
    typed_size,
)
from napari_midl.errors import InputError
from napari_midl.widgets.images import channel_of, volume_of
from napari_midl.widgets.layers import others_may_follow
from napari_midl.widgets.looking import staying_there
from napari_midl.widgets.sizes import (
    folder_of,
    give_size,
    has_been_asked,
    of_one_file,
    remember_own,
    to_record,
)
from napari_midl.widgets.worker import JobRunner, nothing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari.layers import Image

    from napari_midl.engine.jobs import Job, Progress
    from napari_midl.volumes.volume import Volume

_log = logging.getLogger(__name__)


class Bench(QObject):
    """The state of a dock; its sections change it and follow its signals.

    A subclass says in `attach` and `detach` what belongs to an image.

    Attributes
    ----------
    opened : Signal
        Another image, channel, time point or project folder; or none.
    job : Signal
        A job began, paused, was cancelled or ended.
    model : Signal
        Another model is the one to use.
    result : Signal
        Another result is shown, or none.
    told : Signal(str)
        Something went wrong; empty once another job begins.
    layers_changed : Signal
        A layer came into the viewer or left it.
    image, volume, folder
        The layer, the volume ``Z Y X`` in it and the project folder, or None.
    channel, time : int
        Which channel of the image's file and which time point the volume is.
    runner : JobRunner
        Runs the jobs of the dock, one at a time.
    plane_will_do, colours_will_do : bool
        Whether an image may have one slice, and whether red, green and blue are its channels.
    toasts : bool
        Whether what went wrong is also said over the image, and not in the dock alone.
    ended : bool
        Whether the dock was closed, so that the viewer is no longer its business.
    """

    plane_will_do: ClassVar[bool] = False
    colours_will_do: ClassVar[bool] = False
    toasts: ClassVar[bool] = True

    opened = Signal()
    job = Signal()
    model = Signal()
    result = Signal()
    told = Signal(str)
    layers_changed = Signal()

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.viewer = viewer
        self.image: Image | None = None
        self.volume: Volume | None = None
        self.folder: Path | None = None
        self.channel = self.time = 0
        self.ended = False
        self.runners: list[JobRunner] = []
        self.runner = self.add_runner()
        for event in (viewer.layers.events.inserted, viewer.layers.events.removed):
            event.connect(self._on_layers)

    def add_runner(self) -> JobRunner:
        """Another runner, whose jobs go on beside those of `runner`."""
        runner = JobRunner(self)
        runner.changed.connect(self.job)
        runner.failed.connect(lambda error: self.report(error, runner.title))
        self.runners.append(runner)
        return runner

    @property
    def opened_image(self) -> Image:
        """The layer, where one is open."""
        assert self.image is not None
        return self.image

    @property
    def opened_volume(self) -> Volume:
        """The volume, where one is open."""
        assert self.volume is not None
        return self.volume

    @property
    def opened_folder(self) -> Path:
        """The project folder, where an image is open."""
        assert self.folder is not None
        return self.folder

    @property
    def image_in(self) -> ImageIn:
        """The image, for an operation."""
        volume = self.opened_volume
        return ImageIn.of(volume, self.channel, self.time, to_record(self.opened_image, volume))

    @property
    def idle(self) -> bool:
        """Whether an image is open and `runner` has no job."""
        return self.volume is not None and not self.runner.running

    def open(
        self,
        image: Image,
        channel: int = 0,
        time: int = 0,
        folder: Path | None = None,
        size: str | None = None,
    ) -> None:
        """Change to an image.

        Parameters
        ----------
        image : Image
            A layer.
        channel, time : int
            Which part of it.
        folder : Path, optional
            The project folder; by default one beside the image.
        size : str, optional
            The voxel size that a person typed, empty for the image's own; by default the one that
            the project kept, where the image has not got it yet.

        Raises
        ------
        InputError
            If the image cannot be used; then none is open. Or if what belongs to the one before
            cannot be saved; then nothing changes.
        """
        try:
            self.keep()
        except InputError:
            # Another folder for the same image is what the message asks for.
            if folder is None or image is not self.image:
                raise
            self.keep(folder)
        self.close()
        self.give_size((image,), folder, size)
        volume = self.volume_in(image, channel, time)
        self.take(image, volume, channel_of(image, channel), time, folder)

    def give_size(self, images: Sequence[Image], folder: Path | None, size: str | None) -> None:
        """Give images of one size, none of which is open, the one that is typed or was kept.

        All layers of their files get it, and the view stays at the same voxels.
        """
        image = images[0]
        if size is None:
            if has_been_asked(image):
                return
            size = self._kept_size(folder or folder_of(image))
            if not size:
                remember_own(image)
                return
        layers = {id(each): each for one in images for each in of_one_file(self.viewer, one)}
        with staying_there(self.viewer, image):
            for layer in layers.values():
                give_size(layer, size)

    def _kept_size(self, folder: Path) -> str:
        try:
            return typed_size(folder)
        except InputError as error:
            self.report_damaged(size_file(folder), error)
            return ""

    def keep_typed(self, size: str, image: Image, folder: Path | None) -> None:
        """Keep the voxel size that a person typed for an image, before it is opened with that.

        Raises
        ------
        InputError
            If it is no size of the image, or cannot be kept.
        """
        if size:
            volume_of(image, plane=True).resized(size)
        keep_size(folder or folder_of(image), size)

    def take(
        self, image: Image, volume: Volume, channel: int, time: int, folder: Path | None
    ) -> None:
        """Make an image the open one, once none is open; `channel` is that of its file."""
        self.image, self.volume, self.channel, self.time = image, volume, channel, time
        self.folder = folder or default_folder(volume)
        self.attach()
        self.opened.emit()

    def close(self) -> None:
        """Close the image.

        Raises
        ------
        InputError
            If what belongs to it cannot be saved; then nothing changes.
        """
        self.told.emit("")  # what went wrong with one image is not of the next
        self.detach()
        for runner in self.runners:
            runner.cancel()
        self.image = self.volume = self.folder = None
        self.opened.emit()

    def volume_in(self, image: Image, channel: int, time: int) -> Volume:
        """Hook: the volume of a layer, or an `InputError` that says why it cannot be used."""
        return volume_of(image, channel, time, self.plane_will_do, self.colours_will_do)

    def keep(self, folder: Path | None = None) -> None:
        """Hook: save what belongs to the image, or raise an `InputError`; or add it to a folder."""

    def attach(self) -> None:
        """Hook: show what belongs to the image that is now open."""

    def detach(self) -> None:
        """Hook: save what belongs to the image and take it out of the viewer.

        An `InputError` says that it cannot be saved, and leaves everything as it is.
        """

    def start(
        self,
        title: str,
        job: Job[Any],
        on_result: Callable[[Any], object],
        on_progress: Callable[[list[Progress]], object] = nothing,
        on_finished: Callable[[], object] = nothing,
        runner: JobRunner | None = None,
    ) -> bool:
        """Start a job on the open image, by `runner` or another, or say why not."""
        volume = self.volume

        def result(value: Any) -> None:
            # Another image may have been opened while the job came to its end.
            if self.volume is volume:
                on_result(value)

        def progress(batch: list[Progress]) -> None:
            if self.volume is volume:
                on_progress(batch)

        runner = runner or self.runner
        try:
            runner.start(
                title, job, on_result=result, on_progress=progress, on_finished=on_finished
            )
        except InputError as error:
            self.report(error)
            return False
        self.told.emit("")
        return True

    def _on_layers(self, event: Any) -> None:
        if not self.ended:
            with others_may_follow(self.viewer, event.type == "removed"):
                self.layers_changed.emit()

    def report(self, error: Exception, title: str = "") -> None:
        """Show an error to the person; a surprising one also goes to the log with its trace."""
        said = str(error)
        if not isinstance(error, InputError):
            title = title or self.runner.title or "The job"
            _log.error("%s failed", title, exc_info=error)
            said = f"{title} failed: {said or type(error).__name__}"
        if self.toasts or self.ended:
            show_error(said)
        self.told.emit(said)

    def say(self, text: str) -> None:
        """Say what was done."""
        show_info(text)

    def report_damaged(self, path: Path, error: InputError) -> None:
        """Show what is wrong with a file of the project, and move it out of the way."""
        self.report(error)
        try:
            self.say(f"It was moved to {set_aside(path)}, and is not written over.")
        except InputError as worse:
            self.report(worse)

    def shut_down(self) -> None:
        """End the jobs, save what belongs to the image and take it out of the viewer.

        What cannot be saved stays in the viewer. A job that is stopped is said. One that does not
        end in time is said too; it ends by itself, and nothing of the dock hears of it.
        """
        self.ended = True
        for runner in self.runners:
            title, was_running = runner.title, runner.running
            ended = runner.shut_down()
            if was_running and ended:
                show_info(f"{title} was stopped, since its dock was closed.")
            if not ended:
                self.report(
                    InputError(
                        f"{title} has not ended yet: it stops after the step it is at. Wait a "
                        "little before you start it again."
                    )
                )
        try:
            self.detach()
        except InputError as error:
            self.report(error)
