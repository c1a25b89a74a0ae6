"""The options of `ip` and `bridge` that stand before the object."""

from __future__ import annotations


class Options:
    """How often each was given. `family`: inet, inet6 or empty."""

    def __init__(self) -> None:
        self.family = ""
        self.stats = 0
        self.details = 0
        self.oneline = 0
        self.brief = 0
        self.json = 0
        self.pretty = 0
        self.force = 0
        self.all = 0
