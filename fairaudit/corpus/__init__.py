"""Sentences around stimulus words, sampled from text corpora of any size."""
