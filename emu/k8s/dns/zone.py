"""The records of the cluster's zone, read from the API at every question (kubernetes/dns specification 1.1.0; CoreDNS' kubernetes plugin)."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from emu.apps.dns import ANY, CNAME, NOERROR, NXDOMAIN, PTR, SOA, SRV, TXT, A, Question, Record
from emu.k8s.api import Api
from emu.k8s.objects import Endpoint, EndpointPort, Service
from emu.k8s.proxy.state import ServiceState

TTL = 30  # of kubeadm's Corefile; the plugin's own default is 5
EPOCH_S = 1_735_689_600  # virtual time 0 is 2025-01-01T00:00:00Z
REVERSE = ".in-addr.arpa."


class Answer:
    """`records` answer the question, `rcode` NOERROR without any is NODATA. `alias`: the name an ExternalName stands for, to be resolved elsewhere."""

    __slots__ = ("additionals", "alias", "rcode", "records")

    def __init__(self, records: list[Record] | None = None, rcode: int = NOERROR, additionals: list[Record] | None = None, alias: str = "") -> None:
        self.records = records or []
        self.rcode = rcode
        self.additionals = additionals or []
        self.alias = alias


NO_SUCH_NAME = Answer(rcode=NXDOMAIN)


class Zone:
    """`name`: the cluster's domain."""

    def __init__(self, api: Api, services: ServiceState, name: str = "cluster.local") -> None:
        self.api = api
        self.services = services
        self.name = name
        self.suffix = f".{name}."

    def answer(self, question: Question) -> Answer | None:
        """The answer to a question, None if it is not about this zone (or about an address that nothing here has)."""
        name = question.name.lower()
        if name.endswith(REVERSE):
            return self._reverse(name, question.type)
        if name == self.suffix[1:]:
            return Answer([self.soa()] if question.type in (SOA, ANY) else [])
        if not name.endswith(self.suffix):
            return None
        labels = name[: -len(self.suffix)].split(".")
        if labels == ["dns-version"]:
            return Answer([Record(name, TXT, TTL, '"1.1.0"')] if question.type in (TXT, ANY) else [])
        if labels[-1] == "svc":
            return self._service(name, labels[:-1], question.type)
        if labels[-1] == "pod":
            return self._pod(name, labels[:-1], question.type)
        return NO_SUCH_NAME

    def soa(self) -> Record:
        """What says that an answer is nothing."""
        serial = EPOCH_S + self.api.sim.now // 1_000_000_000
        return Record(f"{self.name}.", SOA, TTL, f"ns.dns.{self.name}. hostmaster.{self.name}. {serial} 7200 1800 86400 {TTL}")

    # -- Services -----------------------------------------------------------------------------------------------------------------

    def _service(self, name: str, labels: list[str], kind: int) -> Answer:
        if not labels:
            return Answer()
        namespace = labels[-1]
        if len(labels) == 1:
            return Answer() if self.api.get("Namespace", namespace) is not None else NO_SUCH_NAME
        service = self.api.services.get((namespace, labels[-2]))
        if service is None or len(labels) > 4:
            return NO_SUCH_NAME
        if service.type == "ExternalName":
            if len(labels) != 2:
                return NO_SUCH_NAME
            return Answer([Record(name, CNAME, TTL, f"{service.external_name}.")], alias=f"{service.external_name}." if kind != CNAME else "")
        if len(labels) == 2:
            return self._own_name(name, service, kind)
        if len(labels) == 3:
            return self._endpoint_name(name, service, labels[0], kind)
        if labels[0].startswith("_") and labels[1].startswith("_"):
            return self._port_name(name, service, labels[0][1:], labels[1][1:], kind)
        return NO_SUCH_NAME

    def _own_name(self, name: str, service: Service, kind: int) -> Answer:
        if kind in (SRV,):
            return self._srv(name, service, None, None)
        if not service.headless:
            return Answer([Record(name, A, TTL, service.cluster_ip)] if kind in (A, ANY) else [])
        addresses = {endpoint.address: None for endpoint, _ in self._ready(service)}
        if not addresses:
            return NO_SUCH_NAME
        return Answer([Record(name, A, TTL, address) for address in addresses] if kind in (A, ANY) else [])

    def _endpoint_name(self, name: str, service: Service, host: str, kind: int) -> Answer:
        addresses = {endpoint.address: None for endpoint, _ in self._ready(service) if _host(endpoint) == host}
        if not addresses:
            return NO_SUCH_NAME
        return Answer([Record(name, A, TTL, address) for address in addresses] if kind in (A, ANY) else [])

    def _port_name(self, name: str, service: Service, port: str, protocol: str, kind: int) -> Answer:
        answer = self._srv(name, service, port, protocol)
        return answer if kind in (SRV, ANY) or answer.rcode else Answer()

    def _srv(self, name: str, service: Service, port: str | None, protocol: str | None) -> Answer:
        """Named ports with where they are; all of them for the Service's own name."""
        found: list[tuple[str, int, str]] = []  # target, port, address
        base = f"{service.name}.{service.namespace}.svc{self.suffix}"
        if service.headless:
            for endpoint, ports in self._ready(service):
                for each in ports:
                    if _is_asked(each.name, each.protocol, port, protocol):
                        found.append((f"{_host(endpoint)}.{base}", each.port, endpoint.address))  # noqa: PERF401
        else:
            found = [(base, each.port, service.cluster_ip) for each in service.ports if _is_asked(each.name, each.protocol, port, protocol)]
        if not found:
            return NO_SUCH_NAME
        weight = 100 // len(found) or 1
        targets = {target: address for target, _, address in found}
        return Answer(
            [Record(name, SRV, TTL, f"0 {weight} {number} {target}") for target, number, _ in found],
            additionals=[Record(target, A, TTL, address) for target, address in targets.items()],
        )

    def _ready(self, service: Service) -> Iterator[tuple[Endpoint, tuple[EndpointPort, ...]]]:
        for piece in self.services.slices(service):
            for endpoint in piece.endpoints:
                if endpoint.ready:
                    yield endpoint, piece.ports

    # -- pods and addresses -------------------------------------------------------------------------------------------------------

    def _pod(self, name: str, labels: list[str], kind: int) -> Answer:
        """`pods insecure`: any address, unchecked, in a namespace that is there."""
        if not labels or (len(labels) == 1 and self.api.get("Namespace", labels[0]) is not None):
            return Answer()
        if len(labels) != 2 or self.api.get("Namespace", labels[1]) is None:
            return NO_SUCH_NAME
        try:
            address = str(IPv4Address(labels[0].replace("-", ".")))
        except ValueError:
            return NO_SUCH_NAME
        return Answer([Record(name, A, TTL, address)] if kind in (A, ANY) else [])

    def _reverse(self, name: str, kind: int) -> Answer | None:
        """Who has an address; None if nobody here (it is asked outside then: fallthrough)."""
        try:
            address = str(IPv4Address(".".join(reversed(name[: -len(REVERSE)].split(".")))))
        except ValueError:
            return None
        names = list(self._names_of(address))
        if not names:
            return None
        return Answer([Record(name, PTR, TTL, each) for each in names] if kind in (PTR, ANY) else [])

    def _names_of(self, address: str) -> Iterator[str]:
        for service in self.api.services.values():
            base = f"{service.name}.{service.namespace}.svc{self.suffix}"
            if service.cluster_ip == address:
                yield base
                return
        for service in self.api.services.values():
            base = f"{service.name}.{service.namespace}.svc{self.suffix}"
            for endpoint, _ in self._ready(service):
                if endpoint.address == address:
                    yield f"{_host(endpoint)}.{base}"


def _host(endpoint: Endpoint) -> str:
    """An endpoint's label: its hostname, else its address with dashes."""
    return endpoint.hostname or endpoint.address.replace(".", "-")


def _is_asked(name: str, protocol: str, wanted: str | None, wanted_protocol: str | None) -> bool:
    """Only named ports have SRV records."""
    return bool(name) and (wanted is None or name == wanted) and (wanted_protocol is None or protocol.lower() == wanted_protocol)
