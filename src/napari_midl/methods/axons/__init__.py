"""Axons: a learnt tracker follows a fibre from one seed (Dai et al., MIDL 2019)."""
