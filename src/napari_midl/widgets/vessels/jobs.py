"""Jobs of the vessels dock that are no operations. torch is imported in their thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_midl.engine.models import Model
    from napari_midl.methods.vessels.analyse import VesselGraph
    from napari_midl.methods.vessels.apply import Proposal
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.volume import Volume


def propose(
    volume: Volume, patches: Sequence[Patch], choice: str | Path, side: int, device: str
) -> Job[list[Proposal]]:
    """Where to paint next."""

    def load() -> Model:
        from napari_midl.methods.vessels.models import named_model

        return named_model(choice, 0)

    model = yield from wait_for(in_thread(load), Progress(0, 0, "loading the network"))
    from napari_midl.methods.vessels import apply

    return (
        yield from apply.propose(
            volume, model, patches, count=4, size=(1, side, side), device=device
        )
    )


def analyse(mask: Volume, min_length: float = 0) -> Job[VesselGraph]:
    """Skeleton, branches and radii of a mask."""

    def load() -> Any:
        from napari_midl.methods.vessels import analyse

        return analyse

    module = yield from wait_for(in_thread(load), Progress(0, 0, "loading"))
    return (yield from module.analyse(mask, min_length))
