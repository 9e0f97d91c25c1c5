"""Intrinsic metrics: associations inside the representation of a model."""
