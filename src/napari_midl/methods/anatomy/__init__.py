"""Anatomy from landmarks: place a few points, and a whole bone follows.

Abdi et al., *AnatomyGen: Deep Anatomy Generation From Dense Representation With
Applications in Mandible Synthesis*, MIDL 2019.
"""
