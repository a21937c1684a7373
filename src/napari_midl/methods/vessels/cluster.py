"""The same prediction on the workers of a ``dask.distributed`` cluster.

Image, model and output have to be files that every worker reaches by the same path. Each
worker loads the model once and writes its own chunks; the pyramid is made here.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from napari_midl.engine.prediction import predict_tiles_on
from napari_midl.errors import InputError
from napari_midl.methods.vessels.apply import begin
from napari_midl.methods.vessels.models import named_model, whole_name
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
        As for `files.predict`.

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
    arguments = (str(image.resolve()), channel, time, whole_name(model), str(out.resolve()))
    with client:
        predictor = _predictor(*arguments[:4], _key(settings))
        output, journal = begin(predictor, out, resume)
        yield from predict_tiles_on(
            client,
            predictor.tiling,
            _predict_tile,
            (*arguments, _key(settings)),
            output.update_pyramid,
            journal,
        )
    return journal


def _predict_tile(
    index: int, image: str, channel: int, time: int, model: str, out: str, settings: tuple[Any, ...]
) -> int:
    """Read, compute and write one tile; runs on a worker."""
    with _LOADING:  # or each of a worker's threads would load the model for itself
        predictor = _predictor(image, channel, time, model, settings)
        output = _output(image, channel, time, model, out, settings)
    outer, inner = predictor.tiling.padded(index)
    block = predictor.compute(predictor.read(outer), index, Event())
    output.write_finest(predictor.tiling.core(index), block[(slice(None), *inner)])
    return index


@lru_cache(maxsize=2)
def _predictor(
    image: str, channel: int, time: int, model: str, settings: tuple[Any, ...]
) -> Predictor:
    volume = open_volume(image).spatial(channel, time)
    return Predictor(volume, named_model(model), PredictSettings(**dict(settings)))


@lru_cache(maxsize=2)
def _output(
    image: str, channel: int, time: int, model: str, out: str, settings: tuple[Any, ...]
) -> Output:
    return _predictor(image, channel, time, model, settings).open_output(Path(out))


def _key(settings: PredictSettings) -> tuple[Any, ...]:
    """Settings as a value that can be hashed and sent."""
    values = settings.to_dict()
    return tuple((k, tuple(v) if isinstance(v, list) else v) for k, v in values.items())
