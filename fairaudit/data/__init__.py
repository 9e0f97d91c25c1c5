"""Typed, columnar data that metrics accept."""

from fairaudit.data.base import BUILT_IN, BuiltIn, Data
from fairaudit.data.choices import Choices
from fairaudit.data.contexts import Contexts
from fairaudit.data.descriptors import Descriptors
from fairaudit.data.examples import Examples, Group
from fairaudit.data.gaps import Gaps
from fairaudit.data.pairs import Completions, Continuations, Counterparts, Pairs
from fairaudit.data.prompts import Prompts
from fairaudit.data.reader import Reader

__all__ = [
    "BUILT_IN",
    "BuiltIn",
    "Choices",
    "Completions",
    "Contexts",
    "Continuations",
    "Counterparts",
    "Data",
    "Descriptors",
    "Examples",
    "Gaps",
    "Group",
    "Pairs",
    "Prompts",
    "Reader",
]
