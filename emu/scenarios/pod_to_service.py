"""Story 5: a ClusterIP over backends that come and go."""

from __future__ import annotations

from collections import Counter

from emu.lab import Host, Pod, Probe, Service
from emu.observe.describe import describe
from emu.scenarios.story import Story

CONNECTIONS = 60
PORT = 8080


def spread(story: Story, client: Host, service: Service, n: int, what: str) -> tuple[Counter[str], int]:
    """`n` connections to the Service; who answered how often, and how many failed."""
    answers: Counter[str] = Counter()
    failed = 0
    for _ in story.progress(range(n), n, what):
        reply = client.http_get(f"http://{service.cluster_ip}/hostname")
        story.show(reply.trace, table=False)
        if reply.ok:
            answers[reply.body] += 1
        else:
            failed += 1
    return answers, failed


def counts(answers: Counter[str]) -> str:
    """`web-0 20, web-1 19`."""
    return ", ".join(f"{name} {number}" for name, number in sorted(answers.items()))


def client_and_server_view(trace: object, vip: str, backend: str) -> bool:
    """Whether the client only ever saw the VIP, and the backend's own interface only its own address."""
    hops = getattr(trace, "hops", [])
    at_client = [describe(hop.wire) for hop in hops if hop.netns == "client" and hop.wire[12:14] == b"\x08\x00"]
    return bool(at_client) and all(vip in (info.src, info.dst) for info in at_client) and all(backend not in (info.src, info.dst) for info in at_client)


def tell(story: Story) -> None:
    """Run it."""
    story.tell("""Pods die and their addresses with them, so clients talk to a Service: a virtual address that no device has. kube-proxy on every node
        turns it into iptables rules: KUBE-SERVICES recognises address and port, a KUBE-SVC chain draws one of the backends, its KUBE-SEP chain
        rewrites the destination (DNAT). Conntrack remembers, so the reply is rewritten back, and later packets never see the rules. Backends web-0
        and web-2 are on the client's node, web-1 on the other.""")
    cluster = story.cluster(nodes=2)
    client = cluster.run_pod("client", node="node1")
    probe = Probe(port=PORT, period_seconds=1.0, failure_threshold=1)
    web = [cluster.run_pod(f"web-{number}", node=f"node{number % 2 + 1}", labels={"app": "web"}, serve_http=PORT, readiness=probe) for number in range(3)]
    service = cluster.expose("web", selector={"app": "web"}, port=80, target_port=PORT)
    vip = service.cluster_ip
    url = f"http://{vip}/hostname"

    shown: dict[str, bool] = {}
    while len(shown) < 2:
        reply = client.http_get(url)
        backend = cluster.pod(reply.body)
        kind = "same node" if backend.node == client.node else "other node"
        story.show(reply.trace, table=kind not in shown)
        if kind not in shown:
            shown[kind] = client_and_server_view(reply.trace, vip, backend.ip) and bool(reply.trace.steps("nat"))
    for kind, holds in shown.items():
        story.claim(f"backend on the {kind}: DNAT on the way out, un-NAT on the way back; the client saw only {vip}", holds)

    answers, failed = spread(story, client, service, CONNECTIONS, "connections to the Service")
    fair = len(answers) == 3 and min(answers.values()) >= CONNECTIONS // 8
    story.claim(f"{CONNECTIONS} connections, {failed} failed: {counts(answers)}", failed == 0 and fair)

    story.tell("web-1 now answers 500 on its readiness path. The kubelet's probe finds out; the endpoint goes, the pod stays.")
    web[1].set_ready(False)
    unready, failed = spread(story, client, service, CONNECTIONS // 3, "connections while web-1 is not ready")
    story.claim(f"web-1 not ready, {failed} failed: {counts(unready)}", failed == 0 and "web-1" not in unready)

    story.tell("web-0 is deleted, then the set is scaled up by web-3 and web-4.")
    web[0].delete()
    deleted, failed_deleted = spread(story, client, service, CONNECTIONS // 3, "connections after web-0 was deleted")
    story.claim(f"web-0 deleted, {failed_deleted} failed: {counts(deleted)}", failed_deleted == 0 and set(deleted) == {"web-2"})
    more = [cluster.run_pod(f"web-{number}", node=f"node{number % 2 + 1}", labels={"app": "web"}, serve_http=PORT, readiness=probe) for number in (3, 4)]
    web[1].set_ready(True)
    scaled, failed_scaled = spread(story, client, service, CONNECTIONS, "connections after scaling up")
    story.claim(f"scaled up, {failed_scaled} failed: {counts(scaled)}", failed_scaled == 0 and set(scaled) == {"web-1", "web-2", "web-3", "web-4"})
    story.claim(f"through all of it the Service was {vip}", service.cluster_ip == vip)

    hairpin_holds, seen = hairpin(story, web[2], vip)
    story.claim(f"web-2 reached itself through the Service; it saw {seen} as the client, cbr0's address", hairpin_holds)

    story.tell("At last no backend is left. A Service without endpoints refuses at once: kube-proxy writes a REJECT, the client gets an ICMP error.")
    for pod in [web[1], web[2], *more]:
        pod.delete()
    refused = client.http_get(url)
    story.show(refused.trace)
    story.claim(f"no endpoints: {type(refused.error).__name__}", refused.refused)
    total = sum((answers + unready + deleted + scaled).values())
    lost = failed + failed_deleted + failed_scaled
    story.verdict(f"""{vip} answered {total} connections and lost {lost} while backends became unready, were deleted and were added; spread {counts(answers)};
        without endpoints: {type(refused.error).__name__}""")


def hairpin(story: Story, pod: Pod, vip: str) -> tuple[bool, str]:
    """A pod asks its own Service until it draws itself."""
    story.tell("""A pod may draw itself. Then the frame must leave the bridge by the port it came in by (hairpin mode), and the source must be rewritten too,
        or the pod would answer itself directly: KUBE-SEP marks the packet, KUBE-POSTROUTING masquerades it.""")
    for _ in range(50):
        reply = pod.http_get(f"http://{vip}/clientip")
        asked_itself = any(hop.netns == pod.name and hop.direction == "rx" and describe(hop.wire).dport == PORT for hop in reply.trace.hops)
        story.show(reply.trace, table=asked_itself)
        if asked_itself:
            seen = reply.body.rpartition(":")[0] or reply.body
            return reply.ok and seen == pod.cluster.node(pod.node).gateway_ip, seen
    return False, "nobody"
