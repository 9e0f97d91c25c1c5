"""Metrics of the decisions a classifier takes on a labelled task."""
