"""Readers of dataset files: one module for each format, all found by entry point."""
