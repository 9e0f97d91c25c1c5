"""Limits that an audit is held against, and what changed since a baseline."""
