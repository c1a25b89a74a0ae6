"""Environment variables of containers, as the kubelet makes them."""

from __future__ import annotations

from emu.k8s.environment import variables
from emu.k8s.objects import Container, Pod, PodSpec, Service, ServicePort

REDIS = Service("redis-primary", "default", (ServicePort(6379, 6379, "TCP", "db"), ServicePort(53, 53, "UDP")), {"app": "redis"}, cluster_ip="10.0.0.11")
KUBERNETES = Service("kubernetes", "default", (ServicePort(443, 6443, "TCP", "https"),), None, cluster_ip="10.0.0.1")


def pod(namespace: str = "default", started_ns: int = 10) -> Pod:
    made = Pod("web-0", namespace, "node1", PodSpec())
    made.started_ns = started_ns
    return made


def test_a_service_in_the_two_spellings_that_there_are() -> None:
    assert variables(pod(), Container("c"), [REDIS]) == {
        "HOSTNAME": "web-0",
        "REDIS_PRIMARY_SERVICE_HOST": "10.0.0.11",
        "REDIS_PRIMARY_SERVICE_PORT": "6379",
        "REDIS_PRIMARY_SERVICE_PORT_DB": "6379",
        "REDIS_PRIMARY_PORT": "tcp://10.0.0.11:6379",
        "REDIS_PRIMARY_PORT_6379_TCP": "tcp://10.0.0.11:6379",
        "REDIS_PRIMARY_PORT_6379_TCP_PROTO": "tcp",
        "REDIS_PRIMARY_PORT_6379_TCP_PORT": "6379",
        "REDIS_PRIMARY_PORT_6379_TCP_ADDR": "10.0.0.11",
        "REDIS_PRIMARY_PORT_53_UDP": "udp://10.0.0.11:53",
        "REDIS_PRIMARY_PORT_53_UDP_PROTO": "udp",
        "REDIS_PRIMARY_PORT_53_UDP_PORT": "53",
        "REDIS_PRIMARY_PORT_53_UDP_ADDR": "10.0.0.11",
    }


def test_only_of_its_namespace_but_kubernetes_everywhere() -> None:
    assert [name for name in variables(pod("shop"), Container("c"), [REDIS, KUBERNETES]) if name.endswith("_HOST")] == ["KUBERNETES_SERVICE_HOST"]


def test_no_service_that_came_later_and_no_headless_one() -> None:
    later = Service("later", "default", (ServicePort(80),), {"a": "b"}, cluster_ip="10.0.0.12", created_ns=11)
    headless = Service("headless", "default", (ServicePort(80),), {"a": "b"}, cluster_ip="None")
    assert variables(pod(), Container("c"), [later, headless]) == {"HOSTNAME": "web-0"}


def test_the_containers_own_go_first() -> None:
    assert variables(pod(), Container("c", env={"REDIS_PRIMARY_SERVICE_HOST": "mine"}), [REDIS])["REDIS_PRIMARY_SERVICE_HOST"] == "mine"
