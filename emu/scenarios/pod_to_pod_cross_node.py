"""Story 4: pods of different nodes, every pair of them."""

from __future__ import annotations

from emu.scenarios.story import Story

NODES, PODS = 3, 6


def tell(story: Story) -> None:
    """Run it."""
    story.tell("""Each node has a range of pod addresses, and every other node a route to it by the node's address. A pod on node1 that talks to a pod
        on node2 finds it is not on its subnet, so the packet goes to the default gateway, cbr0; node1 routes it by node2's pod CIDR out of eth0;
        node2 routes it to its cbr0, and the bridge hands it to the pod. Two routers on the way, so the TTL is two less. No address is translated:
        what a pod sees as its own address is what others see.""")
    cluster = story.cluster(nodes=NODES)
    pods = [cluster.run_pod(f"p{number}", serve_http=8080) for number in range(1, PODS + 1)]
    first, other = pods[0], pods[1]

    ping = story.show(first.ping(other.ip))
    routes = ping.steps("route")
    story.claim(f"{first.name} on {first.node} reached {other.name} on {other.node}: reply ttl {ping.ttl}", ping.delivered and ping.ttl == 62)
    story.claim(f"{len(routes)} routing decisions were recorded", bool(routes))

    pairs = [(source, target) for source in pods for target in pods if source is not target]
    good, wrong_ttl, translated, wrong_client = 0, 0, 0, 0
    for source, target in story.progress(pairs, len(pairs), "every pair of pods"):
        trace = story.show(source.ping(target.ip), table=False)
        expected = 64 if source.node == target.node else 62
        reply = source.http_get(f"http://{target.ip}:8080/clientip")
        story.show(reply.trace, table=False)
        good += trace.delivered and reply.ok
        wrong_ttl += trace.ttl != expected
        translated += len(trace.steps("nat")) + len(reply.trace.steps("nat"))
        wrong_client += (reply.body.rpartition(":")[0] or reply.body) != source.ip
    across = sum(source.node != target.node for source, target in pairs)
    story.claim(f"{good} of {len(pairs)} pairs ({across} across nodes) reached each other by ping and HTTP", good == len(pairs))
    story.claim(f"{wrong_ttl} replies had another TTL than 64 on the node and 62 across", wrong_ttl == 0)
    story.claim(f"{wrong_client} servers saw another address than the client pod's own; {translated} translations", wrong_client == 0 and translated == 0)
    story.verdict(f"{good} of {len(pairs)} pod pairs talk, {across} of them across nodes with TTL 62; {translated} addresses translated")
