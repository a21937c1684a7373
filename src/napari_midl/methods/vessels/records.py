"""What a vessel job leaves: its result, and beside it the record that does it again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.engine.models import save_model, whole_name
from napari_midl.engine.runs import Run, record_path, write_run
from napari_midl.methods.vessels.inputs import patches_identity
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.volume import hash_volume

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_midl.engine.journal import Journal
    from napari_midl.engine.models import Model
    from napari_midl.engine.settings import Settings
    from napari_midl.methods.vessels.learn import Finetuned
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.volume import Volume


@dataclass(frozen=True)
class Task:
    """How a job on an image began.

    Parameters
    ----------
    volume : Volume
        The image, axes ``Z Y X``.
    model : Model
        The model that it began with.
    name : str
        ``base``, ``scratch``, or the path of the model.
    settings : Settings
        Of the job.
    channel, time : int
        Channel and time point of the file that the volume is.
    """

    volume: Volume
    model: Model
    name: str
    settings: Settings
    channel: int = 0
    time: int = 0
    _began: float = field(default_factory=monotonic)

    def record(
        self,
        operation: str,
        out: Path,
        outputs: dict[str, Any],
        labels: tuple[Path, dict[str, str]] | None = None,
        results: dict[str, Any] | None = None,
    ) -> Run:
        """Write the record beside `out`; `labels` are the place and the identity of the paint."""
        source = self.volume.source
        arguments = {
            "image": str(Path(source).resolve()) if source else None,
            "model": whole_name(self.name),
            "channel": self.channel,
            "time": self.time,
        }
        inputs = {"image": self.volume.identity(), "model": {"sha256": self.model.sha256}}
        if labels is not None:
            arguments["labels"], inputs["labels"] = str(labels[0].resolve()), labels[1]
        run = Run(
            operation,
            arguments,
            self.settings.to_dict(),
            inputs=inputs,
            outputs=outputs,
            results=results or {},
            seconds=monotonic() - self._began,
        )
        write_run(run, record_path(out))
        return run


def keep_finetuned(
    task: Task, tuned: Finetuned, out: Path, labels: Path, patches: Sequence[Patch]
) -> Run:
    """Save a fine-tuned model and its record.

    Parameters
    ----------
    task : Task
        How it began.
    tuned : Finetuned
        What came out.
    out : Path
        The ``.safetensors`` file to write.
    labels : Path
        Where the patches lie.
    patches : sequence of Patch
        What it was trained on.

    Raises
    ------
    InputError
        If something cannot be written.
    """
    painted = patches_identity(patches)
    sha256 = save_model(tuned.model, out)
    return task.record(
        "vessels.finetune",
        out,
        {"model": {"path": str(out.resolve()), "sha256": sha256}},
        labels=(labels, painted),
        results={"steps": tuned.steps, "before": tuned.before, "after": tuned.after},
    )


def keep_prediction(task: Task, journal: Journal, out: Path) -> Job[Run]:
    """Write the record of a prediction; from then on it is complete.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    step = Progress(1, 1, "writing the record")
    sha256 = yield from wait_for(in_thread(lambda: hash_volume(open_volume(out))), step)
    run = task.record(
        "vessels.predict", out, {"prediction": {"path": str(out.resolve()), "sha256": sha256}}
    )
    journal.close()
    return run
