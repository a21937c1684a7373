"""Which model goes into the segmentation operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_midl.engine.inputs import ModelIn
from napari_midl.errors import InputError

if TYPE_CHECKING:
    from napari_midl.engine.models import Model


@dataclass(frozen=True)
class SegmentModelIn(ModelIn):
    """The path of a model, or ``trees`` (shipped), which learnt generated vessels alone."""

    name: str = ""

    def open(self) -> Model:
        """The model."""
        from napari_midl.methods.segment.models import named_model

        if not self.name:
            raise InputError("no model is given; name one with --model.")
        return named_model(self.name)


@dataclass(frozen=True)
class StartIn(SegmentModelIn):
    """``scratch``, ``trees`` (shipped: generated vessels), or the path of a model to go on from."""

    name: str = "scratch"

    def open(self) -> Model | None:  # type: ignore[override]
        """The model; None for an untrained one, which is made once the images are known."""
        return None if self.name == "scratch" else super().open()

    def identity(self, opened: Model | None) -> dict[str, Any]:
        """The hash of its weights."""
        return {} if opened is None else super().identity(opened)
