"""First weights from a generator of their own, whatever layers a network is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_DRAWING = (torch.Tensor.uniform_, torch.Tensor.normal_)


class WeightsFrom(TorchFunctionMode):
    """While it is entered, layers made in this thread draw their weights from a generator.

    Layers know no other source than the generator of the whole process, which belongs to the
    user; the weights are those that it would have given for the same seed.

    Parameters
    ----------
    seed : int
        Seed of the generator.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.generator = torch.Generator().manual_seed(seed)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Hand the generator to what draws: torch's initialisers name the argument."""
        options = dict(kwargs or {})
        if func in _DRAWING or "generator" in options:
            options["generator"] = self.generator
        return func(*args, **options)
