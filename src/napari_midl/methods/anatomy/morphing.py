"""Landmarks between two sets, such as those of two people."""

from __future__ import annotations

import numpy as np

from napari_midl.errors import InputError
from napari_midl.methods.anatomy.alignment import similarity
from napari_midl.methods.anatomy.landmark_model import MIN_LANDMARKS
from napari_midl.volumes.landmarks import Landmarks


def superimposed(other: Landmarks, onto: Landmarks) -> Landmarks:
    """A set turned and shifted onto another as well as can be (Procrustes); its size stays.

    Two people lie differently in their scanners. What is half way between sets that are not
    superimposed is smaller than both, or flat.

    Parameters
    ----------
    other, onto : Landmarks
        Of the same names.

    Raises
    ------
    InputError
        If they name different landmarks, have fewer than four in common, or one is the mirror
        image of the other.
    """
    if other.names != onto.names:
        raise InputError("The two sets name different landmarks; open two of the same template.")
    common = other.placed & onto.placed
    if common.sum() < MIN_LANDMARKS:
        raise InputError(
            f"The two sets have {common.sum()} landmarks in common; place {MIN_LANDMARKS} or more "
            "in both."
        )
    source, target = other.points[common], onto.points[common]

    def misfit(mirrored: bool) -> float:
        fitted = similarity(source, target, mirrored=mirrored)(source)
        return float(((fitted - target) ** 2).sum())

    # Points in a plane fit their mirror image as well.
    if misfit(mirrored=True) < 0.25 * misfit(mirrored=False) - 1e-9:
        raise InputError(
            "One set is the mirror image of the other; swap the names of left and right in one of "
            "them."
        )
    return Landmarks(other.names, similarity(source, target, scaled=False)(other.points))


def morph(one: Landmarks, other: Landmarks, share: float) -> Landmarks:
    """Landmarks a share of the way from one set to another, which is superimposed on it first.

    Those missing in either are missing.

    Raises
    ------
    InputError
        As `superimposed`.
    """
    there = superimposed(other, one).points
    return Landmarks(one.names, np.asarray((1 - share) * one.points + share * there))
