"""The metrics that come with fairaudit."""
