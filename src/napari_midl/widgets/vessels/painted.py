"""What is painted, as an operation takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.methods.vessels.ports import LabelsIn
from napari_midl.volumes.annotations import AnnotationStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.volume import Volume


def painted(patches: Sequence[Patch], volume: Volume) -> LabelsIn:
    """Patches over a volume; the operation keeps a copy of them, from which it can be replayed."""

    def write(folder: Path) -> None:
        store = AnnotationStore(folder, volume)
        for patch in patches:
            store.save(patch)

    return LabelsIn(None, write=write, kept_as="patches")
