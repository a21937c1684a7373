"""What an operation that follows fibres begins with: a model made ready for an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.engine.jobs import elsewhere
from napari_midl.methods.axons.ports import AxonModelIn, TracingCache

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_midl.engine.jobs import Job
    from napari_midl.engine.running import Running
    from napari_midl.methods.axons.settings import TraceSettings
    from napari_midl.methods.axons.tracing import Tracing
    from napari_midl.volumes.boxes import Box
    from napari_midl.volumes.volume import Volume


def ready(
    run: Running,
    volume: Volume,
    model: AxonModelIn,
    settings: TraceSettings,
    places: Sequence[Sequence[float]],
    box: Box | None = None,
) -> Job[Tracing]:
    """A model made ready for an image, or what a dock keeps of it.

    Whether its fibres are dark is found out at some places or in a box, where it is not said.
    """
    tracker = yield from run.open(model, "loading the tracker")
    cache = model.cache or TracingCache()

    def look() -> Tracing:
        from napari_midl.methods.axons.polarity import seen_as

        return cache.tracing(volume, tracker, seen_as(volume, settings, places, box))

    tracing = yield from elsewhere(look, "looking at the image")
    run.results["fibres"] = tracing.settings.fibres
    return tracing
