"""Vessel segmentation after tUbe net: settings, network, training, prediction, scores."""
