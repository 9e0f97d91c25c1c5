"""Python's collector of cyclic garbage, paused while many objects are made."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Leave garbage until the end: a report makes millions of objects and few cycles.

    To search them for cycles again and again takes as long as to read them.

    Examples
    --------
    >>> with paused():
    ...     gc.isenabled()
    False
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()
