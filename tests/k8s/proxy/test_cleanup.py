"""Stale UDP conntrack: kube-proxy's own test vectors (kubernetes-facts 4.5)."""

from types import SimpleNamespace

import pytest

from emu.k8s.api import Api
from emu.k8s.delays import Delays
from emu.k8s.objects import Endpoint, EndpointPort, EndpointSlice, Service, ServicePort
from emu.k8s.proxy.cleanup import stale_udp
from emu.k8s.proxy.state import ServiceState
from emu.sim import Sim
from emu.wire.addr import ip_int

TCP, UDP = 6, 17


@pytest.fixture
def stale():
    api = Api(Sim(), Delays())
    state = ServiceState(api)
    port = ServicePort(8000, 9090, "UDP", "dns", 32000)
    api.create(Service("svc", "ns", (port,), {"a": "b"}, "LoadBalancer", "172.30.1.1", ("1.2.3.4",), ("192.168.99.100",)))
    endpoints = (Endpoint("10.240.0.4", "n"), Endpoint("10.240.1.5", "n", ready=False, serving=False))
    api.create(EndpointSlice("svc-0", "ns", "svc", (EndpointPort("dns", 9090, "UDP"),), endpoints))
    api.create(Service("idle", "ns", (ServicePort(53, 53, "UDP"),), {"c": "d"}, "ClusterIP", "172.30.1.9"))
    judge = stale_udp(state)

    def ask(dst, dport, reply, reply_port, proto=UDP):
        client = ip_int("10.9.9.9")
        orig = (proto, client, ip_int(dst), 40000, dport)
        return judge(SimpleNamespace(orig=orig, reply=(proto, ip_int(reply), client, reply_port, 40000)))

    return ask


@pytest.mark.parametrize("frontend", [("172.30.1.1", 8000), ("1.2.3.4", 8000), ("192.168.99.100", 8000), ("192.168.0.2", 32000)])
def test_entries_towards_a_frontend_go_unless_a_serving_endpoint_answers(stale, frontend):
    assert not stale(*frontend, "10.240.0.4", 9090)
    assert stale(*frontend, "10.240.1.5", 9090)  # not serving
    assert stale(*frontend, "10.240.2.6", 9090)  # gone
    assert stale(*frontend, "10.240.0.4", 8080)  # an old target port
    assert stale(*frontend, frontend[0], frontend[1])  # never translated


def test_other_ports_and_tcp_stay(stale):
    assert not stale("172.30.1.1", 3000, "10.240.1.5", 3000)
    assert not stale("172.30.1.1", 8000, "10.240.1.5", 9090, proto=TCP)


def test_a_service_without_serving_endpoints_is_left_alone(stale):
    assert not stale("172.30.1.9", 53, "10.240.1.5", 53)
