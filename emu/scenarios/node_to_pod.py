"""Story 3: agents on a node and the node's pods."""

from __future__ import annotations

from emu.scenarios.story import Story


def tell(story: Story) -> None:
    """Run it."""
    story.tell("""The kubelet probes pods, log collectors scrape them, daemons serve them: an agent on a node must reach all pods of that node, and they must
        reach it. The node has an address of its own on cbr0, the pods' gateway; nothing is routed, and no NAT is needed.""")
    cluster = story.cluster(nodes=1)
    node = cluster.node("node1")
    pods = [cluster.run_pod(f"web-{number}", serve_http=8080) for number in range(3)]

    reached = []
    for number, pod in enumerate(pods):
        reply = node.http_get(f"http://{pod.ip}:8080/clientip")
        story.show(reply.trace, table=number == 0)
        reached.append((pod.name, reply.ok, reply.body.rpartition(":")[0] or reply.body))
    seen = sorted({client for _, _, client in reached})
    story.claim(f"the node reached {sum(ok for _, ok, _ in reached)} of {len(pods)} pods over HTTP", all(ok for _, ok, _ in reached))
    story.claim(f"the pods saw it as {', '.join(seen)}: cbr0's address, the nearest one the node has", seen == [node.gateway_ip])

    story.tell("The other way round: each pod reaches the node, by its address on the bridge and by its address on the outside.")
    answers = []
    for number, pod in enumerate(pods):
        for target in (node.gateway_ip, node.ip):
            trace = story.show(pod.ping(target), table=number == 0)
            answers.append((trace.delivered, trace.ttl))
    ttls = sorted({ttl for _, ttl in answers if ttl is not None})
    answered = sum(ok for ok, _ in answers)
    story.claim(f"{answered} of {len(answers)} pings to the node were answered, ttl {'/'.join(map(str, ttls))}", answered == len(answers) and ttls == [64])
    nat = [text for trace in story.exchanges for text in trace.steps("nat")]
    story.claim(f"{len(nat)} addresses were translated", not nat)
    story.verdict(f"""node1 reached {sum(ok for _, ok, _ in reached)} of {len(pods)} pods as {', '.join(seen)}, and {answered} of {len(answers)}
        pings came back from it, without routing (ttl {'/'.join(map(str, ttls))}) and without NAT""")
