"""Which stain to write, to go on with or to show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.engine.unfinished import is_unfinished
from napari_midl.widgets.parts.path_picker import PathPicker
from napari_midl.widgets.project import RESULTS, free_name

if TYPE_CHECKING:
    from pathlib import Path

_SUFFIX = ".ome.zarr"


class TargetPicker(PathPicker):
    """The path of a stain among those of a project."""

    def __init__(self) -> None:
        super().__init__("Name the stain", "OME-Zarr folder to write or to resume")
        self._results: Path | None = None

    def propose(self, project: Path | None) -> None:
        """Name the last stain of a project that was left unfinished, else a new one."""
        if project is None:
            self._results = self.path = None
            return
        self._results = project / RESULTS
        unfinished = [path for path in self._stains() if is_unfinished(path)]
        self.path = unfinished[-1] if unfinished else free_name(self._results, "stain", _SUFFIX)

    @property
    def unfinished(self) -> bool:
        """Whether the stain of that name was stopped before its end, or is being written."""
        return self.path is not None and is_unfinished(self.path)

    @property
    def existing(self) -> Path | None:
        """The stain of that name, or else the last of the project, if there is one."""
        if self.path is not None and self.path.is_dir():
            return self.path
        return max(self._stains(), key=lambda path: path.stat().st_mtime, default=None)

    def _stains(self) -> list[Path]:
        return sorted(self._results.glob(f"*{_SUFFIX}")) if self._results else []
