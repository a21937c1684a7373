"""Predicting the classes of an image, by a model of any method."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from napari_midl.engine.channels import ChannelsIn
from napari_midl.engine.inputs import ModelIn
from napari_midl.engine.jobs import elsewhere
from napari_midl.engine.semantic.settings import PredictSettings
from napari_midl.engine.streamed import StreamedOperation

if TYPE_CHECKING:
    from napari_midl.engine.jobs import Job
    from napari_midl.engine.running import Running
    from napari_midl.engine.semantic.predictor import ClassModel


@dataclass(frozen=True, kw_only=True)
class PredictClasses(StreamedOperation):
    """Probabilities of classes, doubt and labels; a method gives the type of its `model`."""

    image: ChannelsIn
    model: ModelIn
    settings: PredictSettings = PredictSettings()

    def model_for(self, run: Running) -> Job[ClassModel]:
        """The network and the image."""
        image = yield from run.open(self.image)
        model = yield from run.open(self.model, "loading the network")
        from napari_midl.engine.semantic.predictor import ClassModel

        channels = self.image.chosen(image)
        made = partial(ClassModel, channels, model, self.settings, self.model.called)
        return (yield from elsewhere(made, "looking at the image"))
