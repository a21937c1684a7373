"""The same prediction on the workers of a ``dask.distributed`` cluster.

Image, model and output have to be files that every worker reaches by the same path. Each
worker loads the model once and writes its own chunks; the pyramid is made here.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, NamedTuple

from napari_midl.engine.memory import allocate_for_networks
from napari_midl.engine.models import whole_name
from napari_midl.engine.prediction import predict_tiles_on
from napari_midl.errors import InputError
from napari_midl.methods.vessels.models import named_model
from napari_midl.methods.vessels.predictor import Output, Predictor
from napari_midl.methods.vessels.settings import PredictSettings
from napari_midl.volumes.open import open_volume

if TYPE_CHECKING:
    from napari_midl.engine.jobs import Job
    from napari_midl.engine.prediction import Journal

_LOADING = Lock()


def predict_on_cluster(
    address: str,
    image: Path,
    model: str,
    out: Path,
    channel: int,
    time: int,
    settings: PredictSettings,
    resume: bool = False,
) -> Job[Journal]:
    """Do what `apply.predict` does on the workers of a scheduler.

    Parameters
    ----------
    address : str
        Address of the scheduler, such as ``tcp://host:8786``.
    image, model, out, channel, time, settings, resume
        The image's file and which part of it, the model's name, and as for `apply.predict`.

    Returns
    -------
    Journal
        Returned by the generator, to be closed as that of `apply.predict`.

    Raises
    ------
    InputError
        If ``distributed`` is not installed or nothing answers at the address.
    """
    try:
        from distributed import Client
    except ImportError:
        raise InputError(
            "--scheduler needs dask.distributed; run: pip install 'napari-midl[distributed]'."
        ) from None
    try:
        client = Client(address, timeout="10s")
    except (OSError, ValueError) as error:
        raise InputError(
            f"no dask scheduler answers at {address} ({error}); start one, or drop --scheduler."
        ) from error
    task = _Task(
        str(image.resolve()),
        channel,
        time,
        whole_name(model),
        str(out.resolve()),
        PredictSettings.from_dict(settings.to_dict()),  # lists become tuples, which have a hash
    )
    with client:
        predictor = _load(task)
        output, journal = predictor.begin(out, resume)
        task = task._replace(identity=json.dumps(predictor.identity(), sort_keys=True))
        yield from predict_tiles_on(
            client, predictor.tiling, _predict_tile, (task,), output.update_pyramid, journal
        )
    return journal


class _Task(NamedTuple):
    """What a worker is to do, and the key of what it keeps between tiles.

    With `identity` in the key a worker that lives for long does not go on with an image or a
    model that was replaced under the same path.
    """

    image: str
    channel: int
    time: int
    model: str
    out: str
    settings: PredictSettings
    identity: str = ""


def _predict_tile(index: int, task: _Task) -> int:
    """Read, compute and write one tile; runs on a worker."""
    with _LOADING:  # or each of a worker's threads would load the model for itself
        predictor, output = _kept(task)
    outer, inner = predictor.tiling.padded(index)
    block = predictor.compute(predictor.read(outer), index, Event())
    output.write_finest(predictor.tiling.core(index), block[(slice(None), *inner)])
    return index


@lru_cache(maxsize=2)
def _kept(task: _Task) -> tuple[Predictor, Output]:
    allocate_for_networks()  # the process of a worker is its own
    predictor = _load(task)
    return predictor, predictor.open_output(Path(task.out))


def _load(task: _Task) -> Predictor:
    volume = open_volume(task.image).spatial(task.channel, task.time)
    return Predictor(volume, named_model(task.model), task.settings)
