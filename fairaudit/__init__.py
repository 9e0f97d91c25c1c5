"""Audit language models and text classifiers for social bias."""

__version__ = "0.1.0"
