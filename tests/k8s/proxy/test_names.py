"""Chain names equal those of kube-proxy's own tests and of every real cluster."""

import pytest

from emu.k8s.proxy.names import endpoint_chain, service_chain, service_port_name


@pytest.mark.parametrize(
    ("prefix", "name", "protocol", "chain"),
    [
        ("SVC", "ns1/svc1:p80", "TCP", "KUBE-SVC-XPGD46QRK7WJZT7O"),
        ("EXT", "ns2/svc2:p80", "tcp", "KUBE-EXT-GNZBNJ2PO5MGZ6GT"),
        ("SVC", "default/kubernetes:https", "tcp", "KUBE-SVC-NPX46M4PTMTKRN6Y"),
        ("SVC", "kube-system/kube-dns:dns", "UDP", "KUBE-SVC-TCOU7JCQXEZGVUNU"),
        ("SVC", "kube-system/kube-dns:dns-tcp", "tcp", "KUBE-SVC-ERIFXISQEP7F7OF4"),
        ("SVC", "kube-system/kube-dns:metrics", "tcp", "KUBE-SVC-JD5MR3NA4I4DYORP"),
    ],
)
def test_service_chains(prefix, name, protocol, chain):
    assert service_chain(prefix, name, protocol) == chain


def test_an_endpoint_chain_hashes_the_endpoint_too():
    assert endpoint_chain("ns1/svc1:p80", "TCP", "10.180.0.1:80") == "KUBE-SEP-SXIVWICOYRO3J4NJ"


def test_a_port_without_a_name_adds_nothing():
    assert service_port_name("default", "web", "") == "default/web"
    assert service_port_name("default", "web", "http") == "default/web:http"
