"""Why traffic ended where it did, in a sentence that names the object which caused it, and what to change."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from difflib import get_close_matches
from errno import ENETUNREACH
from typing import TYPE_CHECKING, Any

from emu.k8s.objects import Pod, Service, matches, titled
from emu.trace.reasons import REASONS

if TYPE_CHECKING:
    from emu.lab.ask.places import Target
    from emu.lab.cluster import Cluster
    from emu.lab.trace import Trace
    from emu.observe.recorder import Drop

COMMENT = re.compile(r'--comment (?:"([^"]*)"|(\S+))')
# What a flood, or a question to all, brings to those it is not for; and what a program leaves unread.
BYSTANDERS = ("OTHERHOST", "QUEUE_PURGE")


@dataclass(frozen=True, slots=True)
class Why:
    """`reason`: what happened and by what; `advice`: what to change, empty where nothing sensible can be said."""

    reason: str
    advice: str = ""


def why_not(cluster: Cluster, trace: Trace, target: Target, error: BaseException | None) -> Why:
    """The explanation of an exchange that failed."""
    if isinstance(error, socket.gaierror):
        return _name(cluster, target, error)
    drop = first_drop(trace)
    if drop is not None:
        found = _by_rule(cluster, drop, target) or _by_reason(cluster, drop, target)
        if found is not None:
            return found
    if isinstance(target.thing, Service) and target.address == target.thing.cluster_ip and isinstance(error, OSError) and error.errno == ENETUNREACH:
        return _outside(target.thing, trace.source)
    if isinstance(error, ConnectionRefusedError):
        return Why(f"{target.name} refused the connection: nothing listens on {target.protocol or 'tcp'} port {target.port}")
    return _lost(trace, target)


def first_drop(trace: Trace) -> Drop | None:
    """The drop that ended it: the first that is not just a bystander's."""
    return next((drop for drop in trace.drops if drop.reason not in BYSTANDERS), None)


# -- rules ----------------------------------------------------------------------------------------------------------------------------


def _by_rule(cluster: Cluster, drop: Drop, target: Target) -> Why | None:
    if drop.reason != "NETFILTER_DROP":
        return None
    found = COMMENT.search(drop.text)
    comment = (found.group(1) or found.group(2)) if found else ""
    if match := re.fullmatch(r"(\S+) has no endpoints", comment):
        return no_endpoints(cluster, match.group(1))
    if match := re.fullmatch(r"(\S+) has no local endpoints", comment):
        return _no_local(cluster, match.group(1), drop.netns)
    if match := re.fullmatch(r"traffic not accepted by KUBE-FW-\S+|(\S+) traffic not accepted by \S+", comment):
        name = match.group(1) or "the Service"
        return Why(
            f"Service {name.partition(':')[0]}: its loadBalancerSourceRanges do not hold the sender's address", "add the sender's range, or remove the list"
        )
    if match := re.fullmatch(r"(Ingress|Egress) (?:to|from) (\S+) is allowed by none of: (.*)", comment):
        way, pod, names = match.groups()
        word = "into" if way == "Ingress" else "out of"
        kinds = "NetworkPolicy" if "," not in names else "NetworkPolicies"
        what = _port_of_pod(cluster, target, pod)
        return Why(
            f"{kinds} {names} isolate{'s' if ',' not in names else ''} pod {pod} for {way.lower()}, and no rule lets this {word} it",
            f"add {'an ingress' if way == 'Ingress' else 'an egress'} rule that allows {what}",
        )
    if "ctstate INVALID" in drop.text:
        return Why(f"{drop.netns} dropped it as INVALID: conntrack there knows no connection it belongs to ({drop.text})")
    if "policy" in drop.text.lower():
        return Why(f"{drop.netns}: {drop.text}", "no rule accepted it; let a rule do so, or set the chain's policy to ACCEPT")
    return Why(f"{drop.netns}: dropped by {drop.text}")


def _port_of_pod(cluster: Cluster, target: Target, pod_name: str) -> str:
    """The port as a policy sees it: behind a Service, the pod's."""
    number: int | str = target.port
    if isinstance(target.thing, Service):
        port = next((each for each in target.thing.ports if each.port == target.port and each.protocol.lower() == target.protocol), None)
        if port is not None and port.target_port:
            namespace, _, name = pod_name.partition("/")
            pod = cluster.api.pods.get((namespace, name))
            named = pod.port_named(port.target_port, port.protocol) if pod is not None and isinstance(port.target_port, str) else None
            number = named or port.target_port
    return f"{target.protocol or 'the traffic'}" + (f" port {number}" if number else "")


def no_endpoints(cluster: Cluster, port_name: str) -> Why:
    """A Service without ready endpoints: which pods it selects, and what keeps each from being ready."""
    namespace, _, name = port_name.partition(":")[0].partition("/")
    service = cluster.api.services.get((namespace, name))
    begin = f"Service {namespace}/{name} has no ready endpoints"
    if service is None:
        return Why(begin)
    if not service.selector:
        return Why(f"{begin}: it has no selector, and no EndpointSlice of its name has a ready address", f"create an EndpointSlice labelled for {name}")
    selected = [pod for pod in cluster.api.pods.values() if pod.namespace == namespace and matches(service.selector, pod.labels)]
    wanted = ",".join(f"{key}={value}" for key, value in service.selector.items())
    if not selected:
        near = _near_misses(cluster, service)
        return Why(f"{begin}: no pod in namespace {namespace} has the labels of its selector {wanted}" + (f" ({near})" if near else ""),
                   "make the selector and the pods' labels agree")  # fmt: skip
    states = [f"pod {pod.name} {why}" for pod in selected if (why := not_ready(pod))]
    if states:
        return Why(f"{begin}: {'; '.join(states[:5])}", "make the pods ready")
    names = [f"{port.target_port!r}" for port in service.ports if isinstance(port.target_port, str)]
    if names:
        return Why(f"{begin}: no pod it selects has a port named {' or '.join(names)}", "name the container's port, or give targetPort a number")
    return Why(begin)


def not_ready(pod: Pod) -> str:
    """What keeps a pod from being ready; empty if it is."""
    if pod.deletion_ns is not None:
        return "is terminating"
    if pod.ready:
        return ""
    if pod.message:
        return f"does not run: {pod.message}"
    if pod.phase in ("Succeeded", "Failed"):
        return f"has ended ({pod.phase})"
    for name, status in pod.statuses.items():
        if status.message.startswith(("Readiness", "Startup", "Liveness")):
            kind, _, told = status.message.partition(" probe failed: ")
            return f"fails its {kind.lower()} probe ({_short(told, pod, name)})"
        if status.reason == "CrashLoopBackOff":
            return f"keeps crashing: container {name} has ended {status.restarts + 1} times (exit status {status.exit_code})"
    waiting = [f"container {name} is {status.reason or status.state}" for name, status in pod.statuses.items() if status.state == "waiting"]
    return f"is not ready: {waiting[0]}" if waiting else "is not ready yet"


def _short(told: str, pod: Pod, container: str) -> str:
    spec = next((each for each in pod.spec.containers if each.name == container), None)
    path = f" on {spec.readiness.path}" if spec is not None and spec.readiness is not None and spec.readiness.path else ""
    if match := re.fullmatch(r"HTTP probe failed with statuscode: (\d+)", told):
        return f"HTTP {match.group(1)}{path}"
    return told.rpartition(": ")[2] + path if "connect: " in told or "deadline" in told else told


def _near_misses(cluster: Cluster, service: Service) -> str:
    """Pods that have one of the selector's keys with another value: mostly a typing error."""
    for key, value in (service.selector or {}).items():
        others = {pod.labels[key]: None for pod in cluster.api.pods.values() if pod.namespace == service.namespace and pod.labels.get(key, value) != value}
        if others:
            return f"there are pods with {key}={', '.join(get_close_matches(value, others, 3, 0.5) or list(others)[:3])}"
    return ""


def _no_local(cluster: Cluster, port_name: str, node: str) -> Why:
    namespace, _, name = port_name.partition(":")[0].partition("/")
    service = cluster.api.services.get((namespace, name))
    local = "internalTrafficPolicy" if service is not None and service.internal_traffic_policy == "Local" else "externalTrafficPolicy"
    return Why(f"Service {namespace}/{name} has no ready endpoint on {node}, and its {local} is Local: there it is dropped",
               f"send to a node that has one, run a pod on {node}, or set {local} to Cluster")  # fmt: skip


# -- other ends -----------------------------------------------------------------------------------------------------------------------


def _by_reason(cluster: Cluster, drop: Drop, target: Target) -> Why | None:
    words = REASONS.get(drop.reason, drop.reason)
    if drop.reason == "NO_SOCKET":
        return _closed(cluster, drop, target)
    if drop.reason in ("IP_INNOROUTES", "IP_OUTNOROUTES") or drop.text.startswith("no route to "):  # Linux says NOT_SPECIFIED at an unreachable route
        return _no_route(cluster, drop, target)
    if drop.reason == "NEIGH_FAILED":
        return Why(f"{drop.text}: no machine there has the address" + (f" of {target.name}" if target.thing is not None else ""))
    if drop.reason == "IP_RPFILTER":
        return Why(
            f"{drop.netns} dropped it on {drop.dev}: {words}", f"make the route back go by {drop.dev}, or set net.ipv4.conf.{drop.dev}.rp_filter to 2 or 0"
        )
    if drop.reason == "PKT_TOO_BIG":
        return Why(f"{drop.netns}: {drop.text or words}", "lower the MTU of the pods, or let ICMP 'fragmentation needed' pass")
    if drop.reason == "IP_INADDRERRORS":
        return Why(f"{drop.netns} does not forward: {drop.text or words}", "set net.ipv4.ip_forward to 1")
    return Why(f"{drop.netns}, {drop.dev}: {words}" + (f" ({drop.text})" if drop.text else ""))


def _closed(cluster: Cluster, drop: Drop, target: Target) -> Why:
    who = next((pod for pod in cluster.api.pods.values() if cluster.netns_of(pod) == drop.netns), None)
    name = f"pod {who.namespace}/{who.name}" if who is not None else drop.netns
    listening = cluster.listening(drop.netns)
    there = f"; it listens on {', '.join(listening)}" if listening else "; it listens on nothing"
    advice = "start a server on that port"
    if isinstance(target.thing, Service):
        advice = f"make targetPort of {titled(target.thing)} a port that the pod listens on"
    return Why(f"{name} was reached, and its {drop.text}{there}", advice)


def _no_route(cluster: Cluster, drop: Drop, target: Target) -> Why:
    thing = target.thing
    if isinstance(thing, Service) and target.address == thing.cluster_ip:
        ports = ", ".join(f"{port.port}/{port.protocol}" for port in thing.ports)
        if not target.port:
            return Why(f"{target.address} is the ClusterIP of {titled(thing)}: kube-proxy has rules for its ports only ({ports}), so a ping goes astray "
                       f"(lost at {drop.netns})", "ask for one of its ports instead")  # fmt: skip
        if not any(port.port == target.port and port.protocol.lower() == target.protocol for port in thing.ports):
            return Why(f"{titled(thing)} has no port {target.port}/{target.protocol.upper()} (it has {ports}): no rule translates it, and {drop.netns} "
                       f"has no route to a ClusterIP", "ask for a port the Service has, or add this one")  # fmt: skip
        return _outside(thing, drop.netns)
    if isinstance(thing, Service) and target.address in thing.lb_ips:
        none = no_endpoints(cluster, f"{thing.namespace}/{thing.name}")
        return Why(f"the load balancer sends {target.address} to no node: none passes the health check on port {thing.health_check_node_port}, "
                   f"as externalTrafficPolicy is Local. {none.reason}", none.advice)  # fmt: skip
    return Why(f"{drop.netns}: {drop.text or 'no route'}: nobody in the cluster has that address")


def _outside(service: Service, where: str) -> Why:
    return Why(
        f"{service.cluster_ip} is the ClusterIP of {titled(service)}: it is translated on the cluster's nodes only, and {where} has no route to it",
        f"from outside the cluster use a NodePort or a LoadBalancer: this Service is of type {service.type}",
    )


def _name(cluster: Cluster, target: Target, error: socket.gaierror) -> Why:
    if error.errno == socket.EAI_AGAIN:
        dns = no_endpoints(cluster, "kube-system/kube-dns:dns") if cluster.dns is not None else Why("the cluster has no DNS")
        return Why(f"{target.address} could not be looked up: the DNS servers gave no answer; {dns.reason}", dns.advice)
    if isinstance(target.thing, Service) and target.thing.headless:
        return no_endpoints(cluster, f"{target.thing.namespace}/{target.thing.name}")
    if cluster.dns is None:
        return Why(f"{target.address} could not be looked up: the cluster has no DNS", "make the cluster with dns=True")
    return Why(f"there is no name {target.address}: {error.strerror}", "write SERVICE, SERVICE.NAMESPACE or the full name; is it in that namespace?")


def _lost(trace: Trace, target: Target) -> Why:
    """Nothing dropped it, and nothing came back."""
    last: Any = next((hop for hop in reversed(trace.hops) if hop.direction != "-"), None)
    if last is None:
        return Why("nothing was sent at all" + (f": {trace.error}" if trace.error else ""))
    return Why(f"{trace.error or 'no answer came in time'}: the last frame of it was seen at {last.netns}, {last.dev} ({last.direction})")
