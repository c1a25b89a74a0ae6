"""`emu list`."""

from __future__ import annotations

from emu.scenarios.catalog import STORIES, TITLES, TOUR, VARIANTS


def list_stories() -> None:
    """Name and title of every story, a line each."""
    width = max(map(len, TITLES))
    for name in STORIES:
        print(f"{name:{width}}  {TITLES[name]}")
    print(f"{TOUR:{width}}  All of the above, one after the other")
    for name in VARIANTS:
        print(f"{name:{width}}  {TITLES[name]}")
