"""The state of a training in a file, so that one that was stopped can go on."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import whole_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch
    from torch import Tensor, nn

    from napari_midl.engine.settings import Settings

# A training may go on for longer, and on another machine.
MAY_CHANGE = ("minutes", "steps", "device")


@dataclass(frozen=True)
class Checkpoint:
    """Where a training keeps its state, and which training it is.

    Parameters
    ----------
    path : Path
        A safetensors file, replaced only once the new state is complete.
    training : dict
        Plain JSON values that tell this training from others.
    """

    path: Path
    training: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def beside(cls, out: Path, settings: Settings, inputs: Mapping[str, Any]) -> Self:
        """The checkpoint of the training that will write the model `out`.

        Parameters
        ----------
        out : Path
            The model's file.
        settings : Settings
            How it is trained; all but how long and on what device must stay as they are.
        inputs : mapping
            What identifies the data, as in the record of the run.
        """
        chosen = {k: v for k, v in settings.to_dict().items() if k not in MAY_CHANGE}
        return cls(out.with_suffix(".checkpoint"), {"settings": chosen, "inputs": dict(inputs)})

    def keep(
        self,
        networks: Mapping[str, nn.Module],
        optimiser: torch.optim.Optimizer,
        progress: Mapping[str, Any],
    ) -> None:
        """Write the state.

        Parameters
        ----------
        networks : mapping of str to torch.nn.Module
            Every network whose weights belong to the state, by a name without a dot.
        optimiser : torch.optim.Optimizer
            Its state, not its rates.
        progress : mapping
            Plain JSON values.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        tensors = {
            f"{name}.{key}": value
            for name, network in networks.items()
            for key, value in network.state_dict().items()
        }
        for index, state in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{key}": value for key, value in state.items()}
        tensors = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
        notes = {"progress": dict(progress), "training": self.training}
        with whole_file(self.path) as beside:
            beside.write_bytes(save(tensors, {k: json.dumps(v) for k, v in notes.items()}))

    def restore(
        self, networks: Mapping[str, nn.Module], optimiser: torch.optim.Optimizer
    ) -> dict[str, Any]:
        """Put the state back, and return the progress; nothing happens if there is no file.

        Raises
        ------
        InputError
            If the file is damaged or was kept by another training.
        """
        if not self.path.exists():
            return {}
        try:
            tensors = load_file(self.path)
            with safe_open(self.path, framework="numpy") as file:
                notes = {k: json.loads(v) for k, v in (file.metadata() or {}).items()}
        except (SafetensorError, ValueError) as error:
            raise InputError(
                f"{self.path} is no complete checkpoint ({error}); delete it to begin anew."
            ) from error
        if notes.get("training") != json.loads(json.dumps(self.training)):
            raise self._of_another()
        try:
            for name, network in networks.items():
                network.load_state_dict(_under(name, tensors))
        except RuntimeError as error:
            raise self._of_another() from error
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _under("optimiser", tensors).items():
            index, key = name.split(".")
            state.setdefault(int(index), {})[key] = tensor
        optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
        progress: dict[str, Any] = notes["progress"]
        return progress

    def remove(self) -> None:
        """Delete the file, once what it was kept for is done."""
        self.path.unlink(missing_ok=True)

    def _of_another(self) -> InputError:
        return InputError(
            f"{self.path} was kept by a training with other settings, data or another network; "
            "go on with those, or delete it to begin anew."
        )


def _under(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of one part of the state, by their names within it."""
    prefix = f"{name}."
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
