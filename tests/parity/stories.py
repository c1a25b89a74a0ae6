"""The stories as parity scripts: `tests/parity/story-NAME.sh` is what `emu export NAME` prints, with what must come of it, and quicker.

`python -m tests.parity.stories` writes them again. On the kernel every command takes real time, in the emulator none; so neighbours are
kept longer than the script lasts (a refresh would come at another moment on each side), and long waits are cut short together with what they wait for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from emu.scenarios.export import export
from tests.parity.script import FOLDER

HEAD = "#!/bin/bash\n"
FENCE = "\n\n# Under `emu sh`"
DEVICE_UP = re.compile(r"^ip (?:-n (\S+) )?link set (eth\d|cbr0|flannel\.1) up$", re.MULTILINE)
DELAY, REACHABLE = "net/ipv4/neigh/{dev}/delay_first_probe_time=600", "net/ipv4/neigh/{dev}/base_reachable_time_ms={ms}"


@dataclass(frozen=True)
class Story:
    """`expect`: directives. `edits`: (what is there once, what takes its place). `reachable`: how long neighbours are known, in ms, in one namespace."""

    expect: tuple[str, ...]
    edits: tuple[tuple[str, str], ...] = ()
    reachable: tuple[str, int] = ("", 0)
    quick: bool = field(default=False)


STORIES = {
    "pod-to-pod-same-node": Story(
        (
            "output 1 received",
            "no output 0 received",
            "c.eth0 rx arp who-has 10.244.1.3 tell 10.244.1.2 = 1",
            "c.eth0 rx icmp echo request id i3 = 1",
            "a.eth0 rx icmp echo reply = 3",
        ),
        (
            ("ip link set cbr0 up\n", "ip link set cbr0 up\nip link set cbr0 type bridge ageing_time 200  # 2 s instead of 300\n"),
            ("\nsleep 310\n", "\nsleep 4\n"),
        ),
    ),
    "node-to-pod": Story(
        ("output 1 received", "output ^10.244.1.1:", "no output 0 received", "web-2.eth0 rx tcp p\\d+>8080 PA", "node1.cbr0 rx icmp echo request = 6"),
    ),
    "pod-to-pod-cross-node": Story(
        (
            "output ttl=62",
            "output ttl=64",
            "no output 0 received",
            "switch.p3 rx 10.244",
            "p6.eth0 rx icmp echo request = 5",
            "p6.eth0 tx icmp echo request = 5",
        ),
    ),
    "pod-to-pod-cross-node-vxlan": Story(
        ("output ttl=62", "no output 0 received", "switch.p3 rx vxlan", "node2.flannel.1 rx icmp echo request", "p2.eth0 rx icmp echo request = 3"),
    ),
    "pod-to-service": Story(
        (
            "output web-[0-4]$",
            "output 20 web-2",
            "output Connection refused",
            "client.eth0 rx icmp .*port unreachable = 1",
            "web-1.eth0 rx ip 10.244.2.1>10.244.2.2 .* S ",
        ),
    ),
    "internet-to-service": Story(
        (
            "output ^198.51.100.1:",
            "output ^198.51.100.10:",
            "output timed out",
            "output ^10.244.1.2:",
            "router.eth1 tx 198.51.100.1>198.51.100.10",
            "lb.eth0 tx 198.51.100.10>203.0.113.1",
        ),
    ),
    "pod-restart": Story(
        ("output 10 packets transmitted, 3 received", "output web$", "output web-far", "neighbour.eth0 tx arp who-has 10.244.0.13 tell"),
        (("\nsleep 20\n", "\nsleep 1\n"), ("\nsleep 45\n", "\nsleep 20\n"), ("ping -c 14 ", "ping -i 1.3 -c 10 ")),
        ("neighbour", 12_000),  # this one's entry is to grow old: REACHABLE lasts 6 to 18 s there
    ),
}


def script(name: str) -> str:
    """The whole text of `story-NAME.sh`."""
    story = STORIES[name]
    text = export(name)
    directives = "".join(f"# expect: {line}\n" for line in ("status 0", *story.expect)) + ("# quick\n" if story.quick else "")
    edits = (
        (FENCE, f"\n{directives.rstrip()}{FENCE}"),
        *story.edits,
    )
    for old, new in edits:
        if text.count(old) != 1:
            raise ValueError(f"{name}: {old!r} is there {text.count(old)} times")
        text = text.replace(old, new)

    def keep_neighbours(found: re.Match[str]) -> str:
        dev = found[2]
        netns, ms = story.reachable
        keys = REACHABLE.format(dev=dev, ms=ms) if found[1] == netns else f"{DELAY.format(dev=dev)} {REACHABLE.format(dev=dev, ms=1_800_000)}"
        return f"{found[0]}\n{f'ip netns exec {found[1]} ' if found[1] else ''}sysctl -qw {keys}"

    return DEVICE_UP.sub(keep_neighbours, text)


if __name__ == "__main__":
    for story_name in STORIES:
        (FOLDER / f"story-{story_name}.sh").write_text(script(story_name), encoding="utf-8")
