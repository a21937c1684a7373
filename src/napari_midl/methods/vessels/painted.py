"""What is painted, as an operation takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.methods.vessels.classes import CLASSES
from napari_midl.methods.vessels.ports import LabelsIn
from napari_midl.volumes.annotations import AnnotationStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.volume import Volume


def painted(patches: Sequence[Patch], volume: Volume) -> LabelsIn:
    """Patches over a volume; what is made of them keeps a copy, so that it can be replayed."""

    def write(folder: Path) -> None:
        store = AnnotationStore(folder, volume, CLASSES)
        for patch in patches:
            store.save(patch)

    return LabelsIn(None, write=write, kept_as="patches")
