"""Which endpoints a node uses: traffic policies, terminating fallback, topology hints (kubernetes-facts 4.2)."""

from emu.k8s.objects import LABEL_ZONE, LOCAL, Endpoint, EndpointPort, EndpointSlice, Node, Service, ServicePort
from emu.k8s.proxy.endpoints import categorize, endpoints_of_port

NODE = Node("node1", "192.168.0.2", "10.244.1.0/24", {LABEL_ZONE: "a"})
PORT = ServicePort(80, 8080)


def view(*endpoints, node_port=0, **fields):
    port = ServicePort(80, 8080, node_port=node_port)
    service = Service("web", "ns", (port,), {"app": "web"}, fields.pop("type", "NodePort" if node_port else "ClusterIP"), "10.96.0.5", **fields)
    piece = EndpointSlice("web-0", "ns", "web", (EndpointPort("", 8080),), endpoints)
    result = categorize(endpoints_of_port([piece], port), service, port, NODE)
    return [text.partition(":")[0] for text in result.cluster], [text.partition(":")[0] for text in result.local], result.any_endpoints


def ready(ip, node="node1", **fields):
    return Endpoint(ip, node, **fields)


def terminating(ip, node="node1", serving=True):
    return Endpoint(ip, node, ready=False, serving=serving, terminating=True)


def test_cluster_policy_uses_all_ready_endpoints():
    assert view(ready("1.1.1.1"), ready("2.2.2.2", "node2"), Endpoint("3.3.3.3", ready=False, serving=False)) == (["1.1.1.1", "2.2.2.2"], [], True)


def test_without_ready_endpoints_serving_terminating_ones_serve():
    assert view(terminating("1.1.1.1"), terminating("2.2.2.2", serving=False)) == (["1.1.1.1"], [], True)
    assert view(ready("3.3.3.3"), terminating("1.1.1.1")) == (["3.3.3.3"], [], True)


def test_local_and_cluster_sets_fall_back_each_on_its_own():
    cluster, local, some = view(terminating("1.1.1.1"), ready("2.2.2.2", "node2"), node_port=30000, external_traffic_policy=LOCAL)
    assert (cluster, local, some) == (["2.2.2.2"], ["1.1.1.1"], True)


def test_neither_ready_nor_serving_is_no_endpoint_at_all():
    assert view(Endpoint("1.1.1.1", "node1", ready=False, serving=False), node_port=30000, external_traffic_policy=LOCAL) == ([], [], False)


def test_ready_false_serving_true_without_terminating_is_never_used():
    assert view(Endpoint("1.1.1.1", "node1", ready=False, serving=True)) == ([], [], False)


def test_internal_local_without_external_access_has_no_cluster_set():
    assert view(ready("2.2.2.2", "node2"), internal_traffic_policy=LOCAL) == ([], [], True)


def test_external_policy_local_counts_not_for_a_plain_cluster_ip():
    assert view(ready("1.1.1.1"), external_traffic_policy=LOCAL) == (["1.1.1.1"], [], True)


def test_zone_hints_count_when_every_ready_endpoint_has_one():
    near, far = ready("1.1.1.1", "node2", hints_zones=("a",)), ready("2.2.2.2", "node3", hints_zones=("b",))
    assert view(near, far)[0] == ["1.1.1.1"]
    assert view(near, far, ready("3.3.3.3"))[0] == ["1.1.1.1", "2.2.2.2", "3.3.3.3"]


def test_node_hints_beat_zone_hints():
    mine = ready("1.1.1.1", hints_nodes=("node1",), hints_zones=("a",))
    zone = ready("2.2.2.2", "node2", hints_nodes=("node2",), hints_zones=("a",))
    assert view(mine, zone)[0] == ["1.1.1.1"]


def test_endpoints_are_sorted_as_text_and_duplicates_collapse():
    piece = EndpointSlice("s", "ns", "web", (EndpointPort("", 2),), (ready("10.2.2.2"), ready("10.2.2.22"), terminating("10.2.2.2")))
    more = EndpointSlice("t", "ns", "web", (EndpointPort("", 22),), (ready("10.2.2.22"),))
    found = endpoints_of_port([piece, more], PORT)
    assert list(found) == ["10.2.2.22:2", "10.2.2.22:22", "10.2.2.2:2"]
    assert not found["10.2.2.2:2"].terminating
