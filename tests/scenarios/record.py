"""Record what the stories tell, after a change that is meant to change it: `python -m tests.scenarios.record [NAME...]`.

Read the difference before you commit it.
"""

from __future__ import annotations

import sys

from emu.scenarios.catalog import STORIES, VARIANTS
from tests.scenarios.tell import GOLDEN, told


def main(names: list[str]) -> None:
    for name in names or [*STORIES, *VARIANTS]:
        story, text = told(name)
        path = GOLDEN / f"{name}.txt"
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text(text, encoding="utf-8")
        print(f"{name}: {'went as told' if story.went_well else 'DID NOT GO AS TOLD'}, {'unchanged' if text == before else 'recorded'}")


if __name__ == "__main__":
    main(sys.argv[1:])
