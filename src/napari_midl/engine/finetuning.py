"""What every fine-tuning of a network does alike."""

from __future__ import annotations

import copy
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar

from torch import nn

from napari_midl.engine.recipes import Supervised

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from napari_midl.engine.recipes import Draw

N = TypeVar("N", bound=nn.Module)

# A trained network forgets what it knows where it learns at the full rate at once.
WARM_UP = 30
LOOK_AT_FIRST = 10
VALIDATION = "validation_"


class Finetuning(Supervised):
    """Learning from a few labels: blocks that are held out choose the best look.

    Parameters
    ----------
    network : torch.nn.Module
        Trained in place, such as `trainable` makes it.
    loss, draw
        As for `Supervised`.
    settings : Settings
        With `learning_rate` and `half_life`.
    known : bool
        Whether the network is trained, so that its start may be the best.
    after : int
        Steps that were taken before.
    """

    monitor = f"{VALIDATION}dice"

    def __init__(
        self,
        network: nn.Module,
        loss: Callable[[Any, Tensor], Tensor],
        settings: Any,
        known: bool,
        draw: Draw | None = None,
        after: int = 0,
    ) -> None:
        super().__init__(
            network,
            loss,
            settings.learning_rate * 0.5 ** (after / settings.half_life),
            settings.half_life,
            draw=draw,
            warm_up=WARM_UP if known else 0,
        )
        self.start_counts = known

    @abstractmethod
    def chosen_by(self, network: nn.Module) -> Mapping[str, float]:
        """Scores of a network on the blocks that choose, ``dice`` among them."""

    def score(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        """Those, as scores of a validation."""
        scores = self.chosen_by(networks["network"])
        return {f"{VALIDATION}{name}": value for name, value in scores.items()}


def trainable(network: N, known: bool) -> N:
    """A copy of a network in training mode; a trained one keeps its normalisation.

    A batch comes from one volume: its own statistics would hide how it differs from others,
    and a few patches are too few to measure new ones.

    Parameters
    ----------
    network : torch.nn.Module
        It is left as it is.
    known : bool
        Whether it is trained.
    """
    copied = copy.deepcopy(network).train().requires_grad_(True)
    if known:
        for module in copied.modules():
            if isinstance(module, nn.BatchNorm3d):
                module.eval()
    return copied


def freeze_all_but(layers: Sequence[nn.Module], network: nn.Module) -> None:
    """Let only some layers of a network in training mode learn; the rest stays as it is."""
    network.requires_grad_(False)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d) and list(layers) != [network]:
            module.eval()
    for layer in layers:
        layer.requires_grad_(True)
