"""Story 7: new sandboxes, a node that reboots, an address that is used again."""

from __future__ import annotations

from emu.lab import Trace
from emu.scenarios.story import Story

PORT = 8080


def states_of(trace: Trace, netns: str, ip: str) -> list[str]:
    """The states that the namespace's neighbour entry for `ip` went through, from the trace's decisions `IP dev DEV: OLD → NEW (why)`."""
    moves: list[tuple[str, str]] = []
    for hop in trace.hops:
        for kind, text in hop.steps:
            if kind == "neigh" and hop.netns == netns and text.startswith(f"{ip} "):
                old, _, new = text.partition(": ")[2].partition(" → ")
                moves.append((old, new.partition(" ")[0]))
    # A packet that waited tells of its entry when it is sent at last, so the moves are put in order by what they begin with.
    states = [moves[0][0]] if moves else []
    while states and (found := next((move for move in moves if move[0] == states[-1]), None)):
        moves.remove(found)
        states.append(found[1])
    return states


def tell(story: Story) -> None:
    """Run it."""
    story.tell("""A container that restarts keeps its pod's address. A sandbox that dies does not: the pod gets a new namespace, a new veth pair and
        the next address of its node's range. The Service does not change. Node ranges are /29 here, so that addresses run out: .1 is cbr0, .2 to .6
        are for pods.""")
    cluster = story.cluster(nodes=2, pod_cidr="10.244.0.0/24", node_prefix=29)
    client = cluster.run_pod("client", node="node1")
    neighbour = cluster.run_pod("neighbour", node="node1")
    web = cluster.run_pod("web", node="node1", labels={"app": "web"}, serve_http=PORT)
    far = cluster.run_pod("web-far", node="node2", labels={"app": "web"}, serve_http=PORT)
    service = cluster.expose("web", selector={"app": "web"}, port=80, target_port=PORT)
    vip = service.cluster_ip
    free = cluster.node("node1").free_addresses

    before = (web.ip, web.mac)
    web.crash()
    story.tell(f"pod web crashes into a new sandbox: {before[0]} becomes {web.ip}.")
    trace = story.show(client.http_get(f"http://{vip}/hostname").trace)
    story.claim(f"new address {before[0]} -> {web.ip}, new MAC {before[1]} -> {web.mac}", web.ip != before[0] and web.mac != before[1])
    story.claim(f"the Service is still {vip} and answers", service.cluster_ip == vip and trace.delivered)

    old_far = (far.ip, far.mac)
    cluster.node("node2").reboot()
    story.tell(f"""node2 reboots: everything that ran there gets new sandboxes, its tables start empty, kube-proxy writes all rules anew.
        web-far: {old_far[0]} becomes {far.ip}.""")
    replies = [client.http_get(f"http://{vip}/hostname") for _ in range(12)]
    for reply in replies:
        story.show(reply.trace, table=False)
    answered = sum(reply.ok for reply in replies)
    who = sorted({reply.body for reply in replies if reply.ok})
    story.claim(f"web-far: {old_far[0]} -> {far.ip}, {old_far[1]} -> {far.mac}", far.ip != old_far[0] and far.mac != old_far[1])
    story.claim(f"after the reboot {answered} of 12 connections to {vip} were answered, by {' and '.join(who)}", answered == 12 and len(who) == 2)

    story.tell(f"""node1's range had {free} addresses left. neighbour talks to web at {web.ip}, so its neighbour table knows web's MAC. Then web goes
        away, and sandbox after sandbox takes the next address, until the range has been gone round and somebody else has {web.ip}.""")
    reused = web.ip
    story.show(neighbour.ping(reused), table=False)
    old_mac = web.mac
    web.delete()
    heir = cluster.run_pod("heir", node="node1", serve_http=PORT)
    tries = [heir.ip]
    while heir.ip != reused and len(tries) < 8:
        heir.crash()
        tries.append(heir.ip)
    story.claim(f"heir got {', '.join(tries)}: {reused} again, with MAC {heir.mac} instead of {old_mac}", heir.ip == reused and heir.mac != old_mac)

    cluster.run(seconds=45)  # REACHABLE lasts 15 to 45 s
    state = neighbour.neighbour(reused)[1]
    story.tell(f"""45 s later neighbour's entry for {reused} is {state} and still has the old MAC. It uses the entry all the same, and waits 5 s for a
        sign of life (DELAY); then it asks the old MAC three times (PROBE), gives up, and asks everybody. Then the traffic flows to the new pod.""")
    trace = story.show(neighbour.ping(reused, count=14, timeout=1))
    moves = states_of(trace, neighbour.netns.name, reused)
    result = trace.result
    story.claim(f"the entry was {state} with the dead pod's MAC", state == "STALE")
    told = " -> ".join(moves)
    story.claim(f"it went {told}", moves == ["STALE", "DELAY", "PROBE", "FAILED", "INCOMPLETE", "REACHABLE"])
    lost = 14 - len(result.replies)
    story.claim(f"{lost} of 14 pings were lost, then {reused} answered with {heir.mac}", 0 < lost < 14 and neighbour.neighbour(reused)[0] == heir.mac)
    story.verdict(f"""a new sandbox moved web from {before[0]} to {reused}, a reboot moved web-far from {old_far[0]} to {far.ip}, the Service stayed {vip};
        {reused} came back with a new MAC and was reached again after {lost} lost pings ({told})""")
