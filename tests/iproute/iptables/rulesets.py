"""Rulesets put together at random from the rules of spellings.txt."""

from __future__ import annotations

import random

from tests.iproute.iptables.node import spellings


def ruleset(draw: random.Random) -> str:
    """A text of all tables with chains, counters, and rules that were recorded as good, each put together with others."""
    good = [case for case in spellings() if not case.status and "-c " not in case.written and "hashlimit" not in case.written]
    bare = [case for case in good if not any(word in ("-j", "--jump", "-g") for word in case.written.split())]
    text = ""
    for table in draw.sample(["mangle", "raw", "filter", "nat"], 4):
        chains = [f"C{draw.randrange(100)}-{name}" for name in draw.sample("zYxAbC", 4)]
        text += f"*{table}\n" + "".join(f":{chain} - [{draw.randrange(9)}:7]\n" for chain in chains)
        if draw.random() < 0.5:
            text += f":OUTPUT {draw.choice(['ACCEPT', 'DROP'])} [{draw.randrange(9)}:{draw.randrange(1000)}]\n"
        for _ in range(draw.randrange(20)):
            chain = draw.choice([*chains, "OUTPUT"])
            rule = draw.choice(bare).written
            if chain == "OUTPUT" and "-i " in rule:
                continue
            comment = f' -m comment --comment "n {draw.randrange(99)}"' if draw.random() < 0.5 else ""
            later = [name for name in chains if chain == "OUTPUT" or chains.index(name) > chains.index(chain)]
            target = draw.choice(["", " -j ACCEPT", " -j RETURN", *(f" -j {name}" for name in later), *(f" -g {name}" for name in later[:1])])
            text += f"[{draw.randrange(99)}:{draw.randrange(9999)}] -A {chain} {rule}{comment}{target}\n"
        text += "COMMIT\n"
    return text
