"""What a stain needs: networks, colours, and what a record has to know of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_midl.engine.models import whole_name
from napari_midl.errors import InputError
from napari_midl.methods.staining.models import named_despeckler, named_translator, stains_in
from napari_midl.methods.staining.pictures import read_picture
from napari_midl.methods.staining.pipeline import build_pipeline
from napari_midl.methods.staining.stains import stains_of

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.methods.staining.pipeline import Pipeline
    from napari_midl.methods.staining.settings import StainSettings


@dataclass(frozen=True)
class Recipe:
    """What turns channels into a slide: the stages, and what a record has to know of them.

    Parameters
    ----------
    pipeline : Pipeline
        The stages.
    arguments : dict
        Names of the models and of the reference slide.
    inputs : dict
        Their hashes.
    """

    pipeline: Pipeline
    arguments: dict[str, Any]
    inputs: dict[str, Any]


def stain_recipe(
    settings: StainSettings,
    model: str = "base",
    despeckler: str = "base",
    reference: Path | None = None,
) -> Recipe:
    """Load what a stain needs.

    Parameters
    ----------
    settings : StainSettings
        Which stain.
    model, despeckler : str
        ``base`` (shipped), or the path of a model.
    reference : Path, optional
        An H&E picture whose colours to take.

    Raises
    ------
    InputError
        If a model or the picture cannot be used, or the method has no use for a model or a
        picture or has no doubt to tell.
    """
    learnt = settings.method in ("density", "cyclegan")
    if settings.doubt and not learnt:
        raise InputError(
            f"the method {settings.method} has no doubt to tell; choose density or cyclegan, or "
            "leave out --doubt."
        )
    if reference is not None and settings.method not in ("density", "beer-lambert"):
        raise InputError(
            f"the method {settings.method} cannot take the colours of {reference}; choose density "
            "or beer-lambert, or leave out --reference."
        )
    if model != "base" and not learnt:
        raise InputError(
            f"the method {settings.method} needs no model, so {model} has no use; choose density "
            "or cyclegan, or leave out --model."
        )
    if despeckler != "base" and settings.keep_speckle:
        raise InputError(
            f"the speckle is kept, so the despeckler {despeckler} has no use; leave out "
            "--despeckler or --keep-speckle."
        )
    translator = named_translator(model, settings.method) if learnt else None
    cleaner = None if settings.keep_speckle else named_despeckler(despeckler)
    inputs: dict[str, Any] = {}
    if translator is not None:
        inputs["model"] = {"sha256": translator.sha256}
    if cleaner is not None:
        inputs["despeckler"] = {"sha256": cleaner.sha256}
    stains = stains_in(translator)
    matched = stains_of(read_picture(reference), str(reference)) if reference else None
    inputs["stains"] = {"fingerprint": (matched or stains).to_dict()}
    return Recipe(
        build_pipeline(settings, cleaner, translator, stains, matched),
        {
            "model": whole_name(model),
            "despeckler": whole_name(despeckler),
            "reference": str(reference.resolve()) if reference else None,
        },
        inputs,
    )
