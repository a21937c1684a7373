"""Batch normalisation folded into the convolutions before it: at prediction it is a constant."""

from __future__ import annotations

import copy
from typing import TypeVar, cast

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

N = TypeVar("N", bound=nn.Module)


def fold_batch_norm(network: N) -> N:
    """A copy in evaluation mode in which each normalisation right after a convolution is gone.

    Parameters
    ----------
    network : torch.nn.Module
        Convolutions with their normalisations stand beside each other in a
        `torch.nn.Sequential`.
    """
    folded = copy.deepcopy(network).eval()
    for layers in folded.modules():
        if not isinstance(layers, nn.Sequential):
            continue
        for index in range(1, len(layers)):
            before, norm = layers[index - 1], layers[index]
            convolution = isinstance(before, nn.Conv2d | nn.Conv3d)
            if convolution and isinstance(norm, nn.BatchNorm2d | nn.BatchNorm3d):
                layers[index - 1] = fuse_conv_bn_eval(cast("nn.Conv2d", before), norm)
                layers[index] = nn.Identity()
    return folded
