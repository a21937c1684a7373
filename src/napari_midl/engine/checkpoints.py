"""The state of a training in a file, so that one that was stopped can go on."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from glob import escape
from typing import TYPE_CHECKING, Any, Self

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import whole_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_midl.engine.settings import Settings
    from napari_midl.engine.train_state import TrainState

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

    def stage(self, name: str, **begins: Any) -> Checkpoint:
        """Where a further stage of the same training keeps its state; it goes with this file.

        Parameters
        ----------
        name : str
            Of the stage.
        **begins
            Plain JSON values that tell where the stage before ended.
        """
        path = self.path.with_name(f"{self.path.name}.{name}")
        return Checkpoint(path, {**self.training, **begins})

    def keep(self, state: TrainState) -> None:
        """Write the state.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        notes = {"state": state.facts(), "training": self.training}
        with whole_file(self.path) as beside:
            beside.write_bytes(save(state.tensors(), {k: json.dumps(v) for k, v in notes.items()}))

    def restore(self, state: TrainState) -> None:
        """Bring a state to where the training stopped; nothing happens if there is no file.

        Raises
        ------
        InputError
            If the file is damaged or was kept by another training.
        """
        if not self.path.exists():
            return
        try:
            # The state takes copies: a file that is still mapped cannot be replaced on Windows.
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
            state.restore(tensors, notes["state"])
        except (RuntimeError, KeyError, IndexError, ValueError) as error:
            raise self._of_another() from error

    def remove(self) -> None:
        """Delete the file and those of its stages, once what they were kept for is done."""
        self.path.unlink(missing_ok=True)
        for stage in self.path.parent.glob(f"{escape(self.path.name)}.*"):
            stage.unlink()

    def _of_another(self) -> InputError:
        return InputError(
            f"{self.path} was kept by a training with other settings, data or another network, or "
            "by an older version; go on with those, or delete it to begin anew."
        )
