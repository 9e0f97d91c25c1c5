"""Published word lists, each with its source."""
