"""Story 2: two pods of one node, through veth pairs and the bridge."""

from __future__ import annotations

from emu.scenarios.story import Story


def tell(story: Story) -> None:
    """Run it."""
    story.tell("""Every pod's eth0 is one end of a veth pair; the other end is a port of the node's bridge, cbr0. Pods a, b and c are on one node. a pings b:
        to a, b is a neighbour on the same subnet, so it asks by ARP. The broadcast goes out of every port of the bridge; b's answer is unicast, because the
        bridge learned a's port from the question; from then on all frames are.""")
    cluster = story.cluster(nodes=1)
    a, b, _ = (cluster.run_pod(name) for name in "abc")
    bridge = cluster.node("node1").netns.devices["cbr0"]

    first = story.show(a.ping(b.ip))
    asked = [hop for hop in first.hops if hop.netns == "c" and hop.wire[12:14] == b"\x08\x06"]
    pings = [hop for hop in first.hops if hop.wire[12:14] == b"\x08\x00"]
    story.claim(f"a reached b: reply ttl {first.ttl}", first.delivered and first.ttl == 64)
    story.claim(f"the ARP question was flooded: c saw it too, {len(asked)} time(s)", len(asked) == 1)
    story.claim(f"the {len(pings)} visits of the ping itself never touched c", bool(pings) and all(hop.netns != "c" for hop in pings))

    story.tell("Again, with every table warm: no ARP, unicast all the way.")
    second = story.show(a.ping(b.ip))
    arps = [hop for hop in second.hops if hop.wire[12:14] == b"\x08\x06"]
    story.claim(f"the second ping needed {len(arps)} ARP frames", second.delivered and not arps)

    age = cluster.age_fdb("node1", b.mac)
    story.tell(f"""The bridge forgets an address it has not heard from for 300 s. The entry of b's MAC is {age:.0f} s old now and gone; a still has b
        in its neighbour table, so it sends unicast at once, and the bridge floods it: unknown unicast.""")
    third = story.show(a.ping(b.ip))
    flooded = third.steps("flood")
    at_c = [hop for hop in third.hops if hop.netns == "c" and hop.direction == "rx" and hop.wire[12:14] == b"\x08\x00"]
    story.claim(f"the echo request was flooded, c dropped its copy ({len(at_c)}): not its MAC", third.delivered and len(at_c) == 1 and bool(flooded))
    nat = first.steps("nat") + second.steps("nat") + third.steps("nat")
    ttls = sorted({hop.wire[22] for trace in (first, second, third) for hop in trace.hops if hop.wire[12:14] == b"\x08\x00"})
    story.claim(f"no NAT ({len(nat)} translations), TTL {'/'.join(map(str, ttls))} at every device", not nat and ttls == [64])
    mac = ":".join(f"{octet:02x}" for octet in bridge.mac)
    story.verdict(f"""three of three pings answered over cbr0 ({mac}); ARP flooded once to {len(asked)} bystander, then unicast; an aged entry was
        flooded again; TTL stayed {'/'.join(map(str, ttls))}, {len(nat)} NAT""")
