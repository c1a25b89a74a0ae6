"""Story 6: from the internet to a Service, and from a pod to the internet."""

from __future__ import annotations

from emu.lab import Reply
from emu.scenarios.story import Story


def client_of(reply: Reply) -> str:
    """The address the server saw, or what went wrong."""
    return reply.body.rpartition(":")[0] or reply.body if reply.ok else type(reply.error).__name__


def tell(story: Story) -> None:
    """Run it."""
    story.tell("""The nodes stand behind a router that has NAT of its own towards the internet. A pod's address means nothing outside the cluster, so
        the node masquerades what leaves it, and the router does it again.""")
    cluster = story.cluster(nodes=2)
    node1, node2, internet = cluster.node("node1"), cluster.node("node2"), cluster.internet
    web = cluster.run_pod("web-0", node="node2", labels={"app": "web"}, serve_http=8080)
    client = cluster.run_pod("client", node="node1")
    internet.serve_http(80)

    egress = client.http_get(f"http://{internet.ip}/clientip")
    story.show(egress.trace)
    nats = list(dict.fromkeys(hop.netns for hop in egress.trace.hops for kind, text in hop.steps if kind == "nat" and "SNAT" in text))
    story.claim(
        f"the internet host saw {client_of(egress)}, the router; translated by {' and '.join(nats)}",
        egress.ok and client_of(egress) == cluster.router.public_ip,
    )

    story.tell("""A NodePort opens the same port on every node. Under externalTrafficPolicy Cluster any node takes the connection and forwards it to
        any backend; it has to put its own address in, so that the reply comes back through it. web-0 runs on node2.""")
    service = cluster.expose("web", selector={"app": "web"}, port=80, target_port=8080, type="LoadBalancer")
    port = service.node_port
    seen: dict[str, str] = {}
    for node, what in ((node1, "without"), (node2, "with")):
        reply = internet.http_get(f"http://{node.ip}:{port}/clientip")
        story.show(reply.trace, table=node is node1)
        seen[f"Cluster, NodePort on the node {what} the backend"] = client_of(reply)
    story.tell(f"""The load balancer has {service.load_balancer_ip} and hands each connection to one of the nodes, without translating it; kube-proxy knows
        that address too.""")
    balanced = internet.http_get(f"http://{service.load_balancer_ip}/clientip")
    story.show(balanced.trace)
    seen["Cluster, LoadBalancer"] = client_of(balanced)
    story.claim(
        f"policy Cluster: the server saw {', '.join(dict.fromkeys(seen.values()))}, a node each time",
        all(address in (node1.ip, node2.ip, node1.gateway_ip, node2.gateway_ip) for address in seen.values()),
    )

    story.tell("""externalTrafficPolicy Local keeps the client's address, because a node only ever uses a backend of its own. A node without one drops
        what comes to it; the load balancer asks every node on the health check port and leaves such nodes out.""")
    service.set_external_traffic_policy("Local")
    cluster.run(seconds=5)  # the load balancer's health checks take their time
    with_backend = internet.http_get(f"http://{node2.ip}:{port}/clientip")
    story.show(with_backend.trace, table=False)
    without = internet.http_get(f"http://{node1.ip}:{port}/clientip", timeout=3)
    story.show(without.trace)
    local_balanced = [internet.http_get(f"http://{service.load_balancer_ip}/clientip") for _ in range(8)]
    for reply in local_balanced:
        story.show(reply.trace, table=reply is local_balanced[0])
    story.claim(f"policy Local, node with a backend: the server saw {client_of(with_backend)}, the client", client_of(with_backend) == internet.ip)
    drops = [drop for drop in without.trace.drops if drop.netns == "node1"]
    reason = drops[0].reason if drops else "no drop"
    story.claim(f"policy Local, node without a backend: {client_of(without)} ({reason} on node1)", without.timed_out and reason == "NETFILTER_DROP")
    good = sum(client_of(reply) == internet.ip for reply in local_balanced)
    story.claim(
        f"policy Local, LoadBalancer: {good} of {len(local_balanced)} connections reached {web.name} with the client's address", good == len(local_balanced)
    )
    pod_reply = client.http_get(f"http://{service.load_balancer_ip}/clientip")
    story.show(pod_reply.trace, table=False)
    story.claim(
        f"a pod that uses the load balancer's address is short-circuited on its own node; the server saw {client_of(pod_reply)}",
        client_of(pod_reply) == client.ip,
    )
    story.verdict(f"""outwards the internet saw {client_of(egress)}; inwards the server saw {', '.join(dict.fromkeys(seen.values()))} under policy Cluster and
        {client_of(with_backend)} under Local; a node without a local backend: {client_of(without)}""")
