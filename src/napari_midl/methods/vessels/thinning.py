"""The skeleton of a mask, also of pieces that scikit-image thins to nothing."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from skimage.morphology import skeletonize

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NEIGHBOURS = np.ones((3, 3, 3), bool)
_WAYS = [way for way in product((-1, 0, 1), repeat=3) if way > (0, 0, 0)]


def thinned(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The skeleton of a mask, one voxel thick.

    Straight pieces of an even thickness are as thick on either side of their middle, so that
    scikit-image takes both halves away and nothing is left. A piece of which that is so is
    thinned on a grid twice as fine, where it is of an odd thickness.

    Parameters
    ----------
    inside : ndarray of bool, shape (Z, Y, X)
        The mask.

    Returns
    -------
    ndarray of bool, shape (Z, Y, X)
    """
    thin: NDArray[np.bool_] = skeletonize(inside) > 0
    pieces, count = ndimage.label(inside, _NEIGHBOURS)
    lost = np.ones(count + 1, bool)
    lost[0] = False
    lost[pieces[thin]] = False
    for index, box in enumerate(ndimage.find_objects(pieces), 1):
        if lost[index]:
            thin[box] |= _thinned_finely(pieces[box] == index)
    return thin


def _thinned_finely(piece: NDArray[np.bool_]) -> NDArray[np.bool_]:
    shape = np.array(piece.shape)
    fine = np.zeros(2 * shape - 1, bool)
    # A voxel that lies inside, for each of the finer ones.
    owner = np.zeros((*fine.shape, 3), int)
    places = np.argwhere(piece)
    fine[tuple(2 * places.T)] = True
    owner[tuple(2 * places.T)] = places
    for way in _WAYS:
        beside = places + way
        within = ((beside >= 0) & (beside < shape)).all(axis=1)
        both = places[within][piece[tuple(beside[within].T)]]
        middle = tuple((2 * both + way).T)
        fine[middle] = True
        owner[middle] = both
    found = np.argwhere(skeletonize(fine))
    # The lower of two, so that a straight line stays one.
    lower = found // 2
    outside = ~piece[tuple(lower.T)]
    lower[outside] = owner[tuple(found[outside].T)]
    thin = np.zeros_like(piece)
    thin[tuple(lower.T)] = True
    # Steps have corners that a line of voxels does without.
    again: NDArray[np.bool_] = skeletonize(thin) > 0
    return again if again.any() else thin
