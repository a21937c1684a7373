"""A bench of a tool on whose images something is painted, and whose results grow."""

from __future__ import annotations

import time
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info

from napari_midl.errors import InputError
from napari_midl.volumes.counting import counted
from napari_midl.widgets.tool.output_section import L, StreamBench

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari.layers import Image

    from napari_midl.widgets.patches import PatchLayers


class PaintBench(StreamBench[L]):
    """Keeps what is painted with its image; a result is shown in the place of the last.

    Attributes
    ----------
    patches : PatchLayers
        What is painted to be learnt.
    """

    patches: PatchLayers

    @property
    @abstractmethod
    def painted(self) -> Sequence[tuple[PatchLayers, Callable[[Path, int, int], Path]]]:
        """All that is painted, and the folder of each for a project, a channel and a time."""

    def open(self, image: Image, *place: Any, **how: Any) -> None:
        """Change to an image; another time point of the same one is painted with the same class."""
        label = self.patches.label if image is self.image else None
        super().open(image, *place, **how)
        if label is not None:
            self.patches.paint_with(label)

    @property
    def painted_at(self) -> float:
        """When something was painted last over what is open, in seconds since 1970, or 0."""
        if self.patches.unsaved:
            return time.time()
        (_, place), *_ = self.painted
        folder = place(self.opened_folder, self.channel, self.time)
        return max((file.stat().st_mtime for file in folder.glob("*.tif")), default=0.0)

    def keep(self, folder: Path | None = None) -> None:
        """Save what was painted."""
        for painted, place in self.painted:
            painted.save(place(folder, self.channel, self.time) if folder is not None else None)

    def attach(self) -> None:
        """Show what was painted before."""
        problems = []
        for painted, place in self.painted:
            folder = place(self.opened_folder, self.channel, self.time)
            problems += painted.attach(self.opened_image, self.opened_volume, folder)
        if problems:
            self.report(InputError("\n".join(problems)))
        if self.patches.names:
            restored = counted(len(self.patches.names), "patch")
            show_info(f"Restored {restored} from {self.folder}")

    def detach(self) -> None:
        """Save what was painted and take it out of the viewer; results go with their image."""
        for painted, _ in self.painted:
            painted.detach()
        if not self.ended:
            self.show(None)

    def show(self, layers: L | None) -> None:
        """Show another result in the place of the last."""
        if self.shown is not None:
            self.shown.remove()
        super().show(layers)
