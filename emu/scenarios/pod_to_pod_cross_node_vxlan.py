"""Story 4 over a VXLAN overlay: the same pods, and a frame within a frame between the nodes."""

from __future__ import annotations

from emu.scenarios.story import Story


def tell(story: Story) -> None:
    """Run it."""
    story.tell("""Where the network between the nodes does not know the pods' addresses, the nodes carry the pods' packets in packets of their own. flannel
        gives each node a device flannel.1. Node1's route to node2's pods goes out of it, to a nexthop whose MAC nobody has to ask for; flannel.1 finds in its
        FDB which node that MAC is on, and puts the whole frame into a UDP packet to that node, port 8472. There it comes out of flannel.1 as it went in.
        Outside are the nodes' addresses, inside the pods'; and 50 bytes less fit, so the pods' MTU is 1450.""")
    cluster = story.cluster(nodes=2, overlay="vxlan")
    first, other = (cluster.run_pod(name, serve_http=8080) for name in ("p1", "p2"))

    ping = story.show(first.ping(other.ip))
    story.claim(f"{first.name} on {first.node} reached {other.name} on {other.node}: reply ttl {ping.ttl}", ping.delivered and ping.ttl == 62)
    wrapped = ping.steps("vxlan")
    story.claim(f"{len(wrapped)} times a frame went into the tunnel or came out of it", len(wrapped) == 4)

    reply = first.http_get(f"http://{other.ip}:8080/clientip")
    story.show(reply.trace, table=False)
    client = reply.body.rpartition(":")[0] or reply.body
    story.claim(f"the server saw {client}, the pod's own address", reply.ok and client == first.ip)
    story.claim(f"{len(reply.trace.steps('nat'))} addresses were translated", not reply.trace.steps("nat"))

    full = story.show(first.ping(other.ip, size=1450 - 28), table=False)
    story.claim("a packet of 1450 bytes fits into the tunnel", full.delivered)

    agent = story.show(cluster.node(first.node).ping(other.ip), table=False)
    story.claim(f"{first.node} itself reaches {other.name}, from the address of its flannel.1", agent.delivered)
    story.verdict(f"{first.name} and {other.name} talk through the tunnel with TTL 62, no address translated; the node network saw only node addresses")
