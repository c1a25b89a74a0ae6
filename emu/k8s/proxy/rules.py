"""The rules of one service port on one node, as lines of an iptables-restore document (pkg/proxy/iptables/proxier.go syncProxyRules).

The lines are kube-proxy's, word by word and in its order, except for the nfacct matches, which kube-proxy itself leaves out where the
counter cannot be made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from emu.k8s.objects import Service, ServicePort
from emu.k8s.proxy.endpoints import Usable, external_policy_local, externally_accessible, internal_policy_local
from emu.k8s.proxy.names import endpoint_chain, service_chain, service_port_name


@dataclass(slots=True, frozen=True)
class Detector:
    """How a packet of a local pod is recognised (--detect-local-mode); empty strings: not at all."""

    local: str = ""
    not_local: str = ""


def detect_by_cidr(cidr: str) -> Detector:
    """ClusterCIDR and NodeCIDR modes."""
    return Detector(f"-s {cidr}", f"! -s {cidr}")


def detect_by_interface(name: str) -> Detector:
    """BridgeInterface mode (`cbr0`) and InterfaceNamePrefix mode (`veth+`)."""
    return Detector(f"-i {name}", f"! -i {name}")


@dataclass(slots=True)
class PortRules:
    """What one service port adds to the document. `chains`: the chains of its own, in the order their rules are written."""

    nat_services: list[str] = field(default_factory=list)
    nat_nodeports: list[str] = field(default_factory=list)
    chains: list[str] = field(default_factory=list)
    chain_rules: list[str] = field(default_factory=list)
    filter_services: list[str] = field(default_factory=list)
    filter_external: list[str] = field(default_factory=list)
    filter_nodeports: list[str] = field(default_factory=list)
    filter_firewall: list[str] = field(default_factory=list)
    endpoints: int = 0


def quoted(comment: str) -> str:
    """A comment is quoted only where it contains a space."""
    return f'"{comment}"' if " " in comment else comment


def probability(n: int) -> str:
    """1/n with exactly ten decimals (computeProbability)."""
    return f"{1.0 / n:.10f}"


class PortWriter:
    """Writes `PortRules`; one object per service port and set of usable endpoints."""

    def __init__(
        self, service: Service, port: ServicePort, usable: Usable, detector: Detector, masquerade_all: bool, node_ip: str, large_cluster: bool
    ) -> None:
        self.service, self.port, self.usable = service, port, usable
        self.detector, self.masquerade_all, self.node_ip, self.large = detector, masquerade_all, node_ip, large_cluster
        self.name = service_port_name(service.namespace, service.name, port.name)
        self.proto = port.protocol.lower()
        self.match = f"-m {self.proto} -p {self.proto}"
        self.svc, self.svl = service_chain("SVC", self.name, self.proto), service_chain("SVL", self.name, self.proto)
        self.ext, self.fw = service_chain("EXT", self.name, self.proto), service_chain("FW", self.name, self.proto)
        self.internal = self.svl if internal_policy_local(service) else self.svc
        self.external = self.svl if external_policy_local(service) else self.svc
        self.ranges = self._source_ranges()
        self.out = PortRules(endpoints=len(usable.reachable))

    def _source_ranges(self) -> tuple[str, ...]:
        ranges = self.service.source_ranges
        return () if any(cidr.endswith("/0") for cidr in ranges) else ranges

    def write(self) -> PortRules:
        """All of it."""
        usable = self.usable
        accessible = externally_accessible(self.service, self.port)
        has_internal = usable.any_endpoints and bool(usable.local if internal_policy_local(self.service) else usable.cluster)
        has_external = usable.any_endpoints and bool(usable.local if external_policy_local(self.service) else usable.cluster)
        if usable.any_endpoints:
            internal_filter, external_filter = ("DROP", "no local endpoints"), ("DROP", "no local endpoints")
        else:
            internal_filter, external_filter = ("REJECT", "no endpoints"), ("REJECT", "no endpoints")
        self._dispatch(has_internal, has_external, internal_filter, external_filter)
        if has_internal:
            self._internal_head()
        if usable.any_endpoints and accessible:
            self._external_chain(has_external)
            if self.service.lb_ips and self.ranges:
                self._firewall_chain()
        if usable.cluster and (self.internal == self.svc or accessible):
            self._balance(self.svc, usable.cluster)
        if usable.local and self.svl in (self.internal, self.external):
            self._balance(self.svl, usable.local)
        for endpoint in usable.reachable:
            self._endpoint(endpoint)
        return self.out

    # -- the shared chains --------------------------------------------------------------------------------------------------------

    def _dispatch(self, has_internal: bool, has_external: bool, internal_filter: tuple[str, str], external_filter: tuple[str, str]) -> None:
        out, service, name = self.out, self.service, self.name
        some = self.usable.any_endpoints
        dport = self.port.port
        to_cluster_ip = f"{self.match} -d {service.cluster_ip} --dport {dport}"
        if has_internal:
            out.nat_services.append(f'-A KUBE-SERVICES -m comment --comment "{name} cluster IP" {to_cluster_ip} -j {self.internal}')
        else:
            target, why = internal_filter
            out.filter_services.append(f'-A KUBE-SERVICES -m comment --comment "{name} has {why}" {to_cluster_ip} -j {target}')
        target, why = external_filter
        refused = f'-A KUBE-EXTERNAL-SERVICES -m comment --comment "{name} has {why}"'
        for ip in service.external_ips:
            if some:
                out.nat_services.append(f'-A KUBE-SERVICES -m comment --comment "{name} external IP" {self.match} -d {ip} --dport {dport} -j {self.ext}')
            if not has_external:
                out.filter_external.append(f"{refused} {self.match} -d {ip} --dport {dport} -j {target}")
        for ip in service.lb_ips:
            if some:
                chain = self.fw if self.ranges else self.ext
                out.nat_services.append(f'-A KUBE-SERVICES -m comment --comment "{name} loadbalancer IP" {self.match} -d {ip} --dport {dport} -j {chain}')
            if self.ranges:
                comment = f'-m comment --comment "{name} traffic not accepted by {self.fw}"'
                out.filter_firewall.append(f"-A KUBE-PROXY-FIREWALL {comment} {self.match} -d {ip} --dport {dport} -j DROP")
            if not has_external:
                out.filter_external.append(f"{refused} {self.match} -d {ip} --dport {dport} -j {target}")
        if node_port := self.port.node_port:
            if some:
                out.nat_nodeports.append(f"-A KUBE-NODEPORTS -m comment --comment {quoted(name)} {self.match} --dport {node_port} -j {self.ext}")
            if not has_external:
                out.filter_external.append(f"{refused} -m addrtype --dst-type LOCAL {self.match} --dport {node_port} -j {target}")
        if check := service.health_check_node_port:
            out.filter_nodeports.append(f'-A KUBE-NODEPORTS -m comment --comment "{name} health check node port" -m tcp -p tcp --dport {check} -j ACCEPT')

    # -- the chains of its own ----------------------------------------------------------------------------------------------------

    def _chain(self, name: str) -> None:
        if name not in self.out.chains:
            self.out.chains.append(name)

    def _internal_head(self) -> None:
        self._chain(self.internal)
        if not self.masquerade_all and not self.detector.not_local:
            return
        away = "" if self.masquerade_all else f" {self.detector.not_local}"
        self.out.chain_rules.append(
            f'-A {self.internal} -m comment --comment "{self.name} cluster IP" {self.match} -d {self.service.cluster_ip} --dport {self.port.port}'
            f"{away} -j KUBE-MARK-MASQ"
        )

    def _external_chain(self, has_external: bool) -> None:
        self._chain(self.ext)
        rules, ext, name = self.out.chain_rules, self.ext, self.name
        if not external_policy_local(self.service):
            rules.append(f'-A {ext} -m comment --comment "masquerade traffic for {name} external destinations" -j KUBE-MARK-MASQ')
        else:
            if self.detector.local:
                rules.append(f'-A {ext} -m comment --comment "pod traffic for {name} external destinations" {self.detector.local} -j {self.svc}')
            local = "-m addrtype --src-type LOCAL"
            rules.append(f'-A {ext} -m comment --comment "masquerade LOCAL traffic for {name} external destinations" {local} -j KUBE-MARK-MASQ')
            rules.append(f'-A {ext} -m comment --comment "route LOCAL traffic for {name} external destinations" {local} -j {self.svc}')
        if has_external:
            rules.append(f"-A {ext} -j {self.external}")

    def _firewall_chain(self) -> None:
        self._chain(self.fw)
        rules, comment = self.out.chain_rules, f'-m comment --comment "{self.name} loadbalancer IP"'
        node_allowed = False
        for cidr in self.ranges:
            rules.append(f"-A {self.fw} {comment} -s {cidr} -j {self.ext}")
            node_allowed = node_allowed or IPv4Address(self.node_ip) in IPv4Network(cidr, strict=False)
        if node_allowed:
            # The node may use the balancer's address as its source when it talks to it.
            rules += [f"-A {self.fw} {comment} -s {ip} -j {self.ext}" for ip in self.service.lb_ips]
        rules.append(f'-A {self.fw} -m comment --comment "other traffic to {self.name} will be dropped by KUBE-PROXY-FIREWALL"')

    def _balance(self, chain: str, endpoints: list[str]) -> None:
        self._chain(chain)
        rules, seconds = self.out.chain_rules, self.service.session_affinity_seconds
        seps = [(endpoint, endpoint_chain(self.name, self.proto, endpoint)) for endpoint in endpoints]
        if seconds:
            for endpoint, sep in seps:
                recent = f"-m recent --name {sep} --rcheck --seconds {seconds} --reap"
                rules.append(f"-A {chain}{self._arrow(endpoint)} {recent} -j {sep}")
        left = len(seps)
        for endpoint, sep in seps:
            chance = f" -m statistic --mode random --probability {probability(left)}" if left > 1 else ""
            rules.append(f"-A {chain}{self._arrow(endpoint)}{chance} -j {sep}")
            left -= 1

    def _arrow(self, endpoint: str) -> str:
        return "" if self.large else f' -m comment --comment "{self.name} -> {endpoint}"'

    def _endpoint(self, endpoint: str) -> None:
        sep = endpoint_chain(self.name, self.proto, endpoint)
        self._chain(sep)
        comment = "" if self.large else f" -m comment --comment {quoted(self.name)}"
        ip = endpoint.rpartition(":")[0]
        recent = f" -m recent --name {sep} --set" if self.service.session_affinity_seconds else ""
        self.out.chain_rules.append(f"-A {sep}{comment} -s {ip} -j KUBE-MARK-MASQ")
        self.out.chain_rules.append(f"-A {sep}{comment}{recent} {self.match} -j DNAT --to-destination {endpoint}")
