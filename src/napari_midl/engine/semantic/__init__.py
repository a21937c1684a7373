"""Telling classes apart that a person has named: their models, learning them, and predicting."""
