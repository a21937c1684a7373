"""Staining: confocal reflectance and fluorescence become an H&E slide (Combalia et al., 2019)."""
