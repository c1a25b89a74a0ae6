"""From selectors and pods to EndpointSlices."""

from emu.k8s.api import Api
from emu.k8s.delays import Delays
from emu.k8s.endpointslice import EndpointSliceController
from emu.k8s.objects import LABEL_HEADLESS, Container, ContainerPort, Pod, PodSpec, Service, ServicePort
from emu.sim import Sim


def world():
    sim = Sim()
    api = Api(sim, Delays())
    return sim, api, EndpointSliceController(api)


def pod(api, number, *, app="web", ready=True, ports=()):
    spec = PodSpec((Container("c", tuple(ports)),))
    thing = Pod(f"web-{number}", "default", "node1", spec, {"app": app}, ip=f"10.244.1.{number}", ready=ready, phase="Running")
    api.create(thing)
    return thing


def service(api, **fields):
    thing = Service("web", "default", (ServicePort(80, fields.pop("target", 8080)),), {"app": "web"}, cluster_ip="10.96.0.5", **fields)
    api.create(thing)
    return thing


def addresses(api):
    return [(endpoint.address, endpoint.ready, endpoint.serving, endpoint.terminating) for piece in api.slices.values() for endpoint in piece.endpoints]


def test_ready_and_unready_pods_are_listed_with_their_conditions():
    sim, api, _ = world()
    service(api)
    pod(api, 2)
    pod(api, 3, ready=False)
    pod(api, 4, app="other")
    sim.run()
    assert addresses(api) == [("10.244.1.2", True, True, False), ("10.244.1.3", False, False, False)]


def test_a_terminating_pod_is_serving_but_not_ready():
    sim, api, _ = world()
    service(api)
    going = pod(api, 2)
    going.deletion_ns = 0
    api.update(going)
    sim.run()
    assert addresses(api) == [("10.244.1.2", False, True, True)]


def test_publish_not_ready_addresses_makes_all_ready():
    sim, api, _ = world()
    service(api, publish_not_ready=True)
    pod(api, 2, ready=False)
    sim.run()
    assert addresses(api) == [("10.244.1.2", True, False, False)]


def test_a_deleted_pod_and_a_deleted_service_leave_nothing():
    sim, api, _ = world()
    web = service(api)
    one = pod(api, 2)
    sim.run()
    api.delete(one)
    sim.run()
    assert addresses(api) == []
    assert len(api.slices) == 1  # a Service with a selector keeps one empty slice
    api.delete(web)
    sim.run()
    assert not api.slices


def test_more_than_a_hundred_endpoints_take_more_slices():
    sim, api, _ = world()
    service(api)
    for number in range(2, 252):
        pod(api, number)
    sim.run()
    assert [len(piece.endpoints) for piece in api.slices.values()] == [100, 100, 50]


def test_a_named_target_port_is_resolved_per_pod():
    sim, api, _ = world()
    service(api, target="http")
    pod(api, 2, ports=[ContainerPort(8080, name="http")])
    pod(api, 3, ports=[ContainerPort(9090, name="http")])
    pod(api, 4)  # has no such port: listed without one
    sim.run()
    assert [([port.port for port in piece.ports], [endpoint.address for endpoint in piece.endpoints]) for piece in api.slices.values()] == [
        ([8080], ["10.244.1.2"]), ([9090], ["10.244.1.3"]), ([], ["10.244.1.4"]),
    ]  # fmt: skip


def test_a_relabelled_pod_changes_sides():
    sim, api, _ = world()
    service(api)
    one = pod(api, 2)
    sim.run()
    one.labels = {"app": "other"}
    api.update(one)
    sim.run()
    assert addresses(api) == []


def test_slices_of_a_headless_service_say_so():
    sim, api, _ = world()
    thing = service(api)
    thing.cluster_ip = "None"
    api.update(thing)
    pod(api, 2)
    sim.run()
    assert all(LABEL_HEADLESS in piece.labels for piece in api.slices.values())


def test_a_burst_of_changes_is_one_sync():
    sim, api, controller = world()
    service(api)
    for number in range(2, 12):
        pod(api, number)
    assert controller.busy
    before = sim.events
    sim.run()
    assert sim.events - before == 1
    assert not controller.busy
