"""What a stain would not use: better refused than ignored without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.errors import InputError
from napari_midl.methods.staining.settings import HAS_DOUBT, LEARNT, TAKES_REFERENCE

if TYPE_CHECKING:
    from napari_midl.methods.staining.operations import Stain


def check_use(stain: Stain) -> None:
    """Refuse what the method of a stain would not use, and one channel given for both.

    Raises
    ------
    InputError
        If the method does not use the model, the despeckler or the reference, or cannot say
        where not to trust it.
    """
    settings = stain.settings
    method, learnt = settings.method, settings.method in LEARNT
    if settings.doubt and method not in HAS_DOUBT:
        raise InputError(
            f"the method {method} has no doubt: it cannot say where not to trust it; choose "
            "another, or leave out --doubt."
        )
    if stain.reference is not None and method not in TAKES_REFERENCE:
        raise InputError(
            f"the method {method} cannot take the colours of {stain.reference.path}; choose "
            "density or beer-lambert, or leave out --reference."
        )
    if stain.model.name != "base" and not learnt:
        raise InputError(
            f"the method {method} needs no model, so {stain.model.name} would not be used; choose "
            "density or cyclegan, or leave out --model."
        )
    if stain.despeckler.name != "base" and settings.keep_speckle:
        raise InputError(
            f"the speckle is kept, so the despeckler {stain.despeckler.name} would not be used; "
            "leave out --despeckler or --keep-speckle."
        )
    reflectance = stain.reflectance
    if reflectance.path and reflectance.recorded() == stain.fluorescence.recorded():
        raise InputError(
            f"{reflectance.path}, channel {reflectance.channel}, is given for both; give the "
            "reflectance and the fluorescence, by two files or two channels."
        )
