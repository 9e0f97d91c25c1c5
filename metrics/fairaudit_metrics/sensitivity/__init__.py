"""Metrics of how a prediction moves with what carries protected status."""
