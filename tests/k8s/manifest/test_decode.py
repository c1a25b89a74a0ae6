"""What manifests mean, and how errors in them are told."""

from __future__ import annotations

from typing import Any

import pytest

from emu.k8s.manifest.decode import decode
from emu.k8s.manifest.source import documents
from emu.k8s.objects import (
    Backend,
    Deployment,
    Endpoint,
    EndpointPort,
    Endpoints,
    EndpointSlice,
    Ingress,
    IPBlock,
    KubernetesError,
    LabelSelector,
    NetworkPolicy,
    Node,
    Pod,
    PolicyPeer,
    PolicyPort,
    Probe,
    Requirement,
    Service,
    ServicePort,
    StatefulSet,
    Taint,
)

POD = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  nodeName: node1
  hostname: first
  terminationGracePeriodSeconds: 5
  tolerations: [{operator: Exists}]
  initContainers:
  - {name: wait, image: busybox}
  - {name: proxy, image: envoy, restartPolicy: Always, ports: [{name: admin, containerPort: 9901}]}
  containers:
  - name: web
    image: nginx
    ports: [{name: http, containerPort: 80, hostPort: 8080}]
    env: [{name: A, value: b}, {name: SECRET, valueFrom: {secretKeyRef: {name: s, key: k}}}]
    readinessProbe: {httpGet: {path: ready, port: http}, periodSeconds: 5}
    livenessProbe: {tcpSocket: {port: 80}}
    startupProbe: {exec: {command: [true]}}
    lifecycle: {preStop: {exec: {command: [sh, -c, "sleep 3; nginx -s quit"]}}}
    resources: {limits: {cpu: 1}}
"""
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx}]}
"""


def one(text: str, namespace: str = "default") -> Any:
    [document] = documents(text, "f.yaml")
    return decode(document, namespace)


def refused(text: str) -> str:
    with pytest.raises(KubernetesError) as caught:
        one(text)
    assert len(str(caught.value)) < 400
    return str(caught.value)


def test_pod() -> None:
    pod = one(POD)
    assert isinstance(pod, Pod)
    assert (pod.name, pod.namespace, pod.node, pod.labels) == ("web", "default", "node1", {"app": "web"})
    assert (pod.spec.hostname, pod.spec.grace_seconds) == ("first", 5.0)
    assert [(init.name, init.sidecar) for init in pod.spec.init_containers] == [("wait", False), ("proxy", True)]
    [web] = pod.spec.containers
    assert web.readiness == Probe("http", "/ready", 5.0)
    assert web.liveness == Probe(80, None)
    assert web.startup is not None
    assert web.startup.exec
    assert web.env == {"A": "b", "SECRET": ""}
    assert web.pre_stop_seconds == 3.0
    assert web.ports[0].host_port == 8080
    assert (pod.port_named("http", "TCP"), pod.port_named("admin", "TCP"), pod.port_named("http", "UDP")) == (80, 9901, None)
    assert pod.spec.tolerations[0].tolerates(Taint("any", "", "NoExecute"))


def test_deployment() -> None:
    deployment = one(DEPLOYMENT, "shop")
    assert isinstance(deployment, Deployment)
    assert (deployment.namespace, deployment.replicas, deployment.max_surge, deployment.max_unavailable) == ("shop", 3, 1, 0)
    assert deployment.selector.matches(deployment.template.labels)


def test_stateful_set() -> None:
    text = DEPLOYMENT.replace("Deployment", "StatefulSet").replace("strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}", "serviceName: web")
    stateful = one(text)
    assert isinstance(stateful, StatefulSet)
    assert (stateful.service_name, stateful.parallel) == ("web", False)


def test_service() -> None:
    service = one("""
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: LoadBalancer
  selector: {app: web}
  sessionAffinity: ClientIP
  externalTrafficPolicy: Local
  loadBalancerSourceRanges: [198.51.100.0/24]
  ports: [{name: http, port: 80, targetPort: http}, {name: dns, port: 53, protocol: UDP, nodePort: 30053}]
status: {loadBalancer: {ingress: [{ip: 203.0.113.7}, {hostname: lb.example}, {ip: 203.0.113.8, ipMode: Proxy}]}}
""")
    assert isinstance(service, Service)
    assert service.ports == (ServicePort(80, "http", "TCP", "http"), ServicePort(53, 0, "UDP", "dns", 30053))
    assert (service.session_affinity_seconds, service.external_traffic_policy, service.lb_ips) == (10800, "Local", ("203.0.113.7",))


def test_endpoint_slice_conditions() -> None:
    piece = one("""
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db-1, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
ports: [{port: 5432}]
endpoints:
- {addresses: [10.9.0.1], nodeName: node1}
- {addresses: [10.9.0.2], conditions: {ready: false, serving: true, terminating: true}, zone: a, hints: {forZones: [{name: a}]}}
""")
    assert isinstance(piece, EndpointSlice)
    assert (piece.service, piece.ports) == ("db", (EndpointPort("", 5432),))
    assert piece.endpoints == (
        Endpoint("10.9.0.1", "node1"),
        Endpoint("10.9.0.2", "", False, True, True, "a", ("a",)),
    )


def test_legacy_endpoints() -> None:
    made = one("""
apiVersion: v1
kind: Endpoints
metadata: {name: db}
subsets: [{addresses: [{ip: 10.9.0.1}], notReadyAddresses: [{ip: 10.9.0.2}], ports: [{port: 5432, name: pg}]}]
""")
    assert isinstance(made, Endpoints)
    assert [(endpoint.address, endpoint.ready) for endpoint in made.subsets[0].addresses] == [("10.9.0.1", True), ("10.9.0.2", False)]


def test_node() -> None:
    node = one("""
apiVersion: v1
kind: Node
metadata: {name: cp, labels: {topology.kubernetes.io/zone: a}}
spec: {podCIDR: 10.244.7.0/24, taints: [{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}]}
status: {addresses: [{type: Hostname, address: cp}, {type: InternalIP, address: 192.168.0.7}]}
""")
    assert isinstance(node, Node)
    assert (node.ip, node.pod_cidr, node.taints) == ("192.168.0.7", "10.244.7.0/24", (Taint("node-role.kubernetes.io/control-plane"),))


def test_ingress() -> None:
    ingress = one("""
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  ingressClassName: nginx
  rules:
  - host: "*.shop.example"
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}]}
""")
    assert isinstance(ingress, Ingress)
    assert (ingress.class_name, ingress.rules[0].paths[0].backend) == ("nginx", Backend("web", "http"))


def test_network_policy() -> None:
    policy = one("""
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p}
spec:
  podSelector: {matchExpressions: [{key: tier, operator: NotIn, values: [db]}]}
  ingress:
  - from: [{podSelector: {}, namespaceSelector: {matchLabels: {team: a}}}, {ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]
    ports: [{port: 8000, endPort: 8100}, {protocol: UDP}, {port: web}]
  - {}
""")
    assert isinstance(policy, NetworkPolicy)
    assert policy.pods == LabelSelector({}, (Requirement("tier", "NotIn", ("db",)),))
    assert policy.types == ("Ingress",)
    first, everything = policy.ingress
    assert first.peers == (PolicyPeer(LabelSelector(), LabelSelector({"team": "a"})), PolicyPeer(ip_block=IPBlock("10.0.0.0/8", ("10.1.0.0/16",))))
    assert first.ports == (PolicyPort("TCP", 8000, 8100), PolicyPort("UDP"), PolicyPort("TCP", "web"))
    assert (everything.peers, everything.ports) == (None, None)


def test_kinds_that_do_not_matter_here() -> None:
    assert one("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}") is None
    assert one("apiVersion: networking.istio.io/v1\nkind: Service\nmetadata: {name: a}") is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("kind: Pod", "f.yaml: document 1 (line 1): apiVersion: Required value"),
        ("apiVersion: v1\nkind: [a]", "f.yaml: document 1 (line 1): kind: Required value, not a list"),
        (DEPLOYMENT.replace("apps/v1", "extensions/v1beta1"), 'no matches for kind "Deployment" in version "extensions/v1beta1"'),
        ("apiVersion: v1\nkind: Pod\nmetadata: {}", "f.yaml: document 1 (line 1): Pod: metadata.name: Required value"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: a/b}", "Pod 'a/b': metadata.name: only lower case letters"),
        (POD.replace("containerPort: 80", "containerPort: 70000"),
         'Pod "default/web": spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive'),
        (POD.replace("port: http}", "port: htp}"), 'spec.containers[0].readinessProbe: the container declares no port named "htp"'),
        (POD.replace("name: proxy", "name: wait"), 'spec.initContainers[1].name: Duplicate value: "wait"'),
        (POD.replace("{tcpSocket: {port: 80}}", "{periodSeconds: 1}"), "spec.containers[0].livenessProbe: must specify a handler type"),
        (POD.replace("{app: web}", "{app: 1}"), "metadata.labels[app]: Invalid value: 1: must be a string: put it in quotes"),
        (POD.replace("{app: web}", "{app: 'a b'}"), "metadata.labels: Invalid value: 'a b': a label's value is"),
        (DEPLOYMENT.replace("labels: {app: web}", "labels: {app: api}"),
         "spec.template.metadata.labels: Invalid value: {'app': 'api'}: `selector` does not match template `labels`"),
        (DEPLOYMENT.replace("selector: {matchLabels: {app: web}}", ""), 'Deployment "default/web": spec.selector: Required value'),
        (DEPLOYMENT.replace("replicas: 3", "replicas: '3'"), "spec.replicas: Invalid value: '3': must be an integer"),
        (DEPLOYMENT.replace("maxSurge: 1", "maxSurge: 0"), "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"),
        (DEPLOYMENT.replace("containers: [{name: web, image: nginx}]", "containers: []"), "spec.template.spec.containers: Required value"),
        ("apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80, targetPort: '80'}]}", "spec.ports[0].targetPort: Invalid value: '80'"),
        ("apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80, protocol: tcp}]}",
         "spec.ports[0].protocol: Unsupported value: 'tcp': supported values: \"TCP\", \"UDP\", \"SCTP\""),
        ("apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {type: External}", "spec.type: Unsupported value: 'External'"),
        ("apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {clusterIP: 10.96.0.300}", "spec.clusterIP: "),
        ("apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: 5", "spec: Invalid value: 5: must be a mapping"),
        ("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a}\nspec: {ingress: [{from: [{}]}]}",
         "spec.ingress[0].from[0]: Required value: must specify a peer"),
        ("kind: NetworkPolicy\napiVersion: networking.k8s.io/v1\nmetadata: {name: a}\n"
         "spec: {egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/9]}}]}]}",
         "spec.egress[0].to[0].ipBlock.except[0]: Invalid value: '11.0.0.0/9': must be a strict subset of `cidr` 10.0.0.0/8"),
        ("apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\nspec: {}", "either `defaultBackend` or `rules` must be specified"),
        (f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, annotations: {{b: '{'x' * 300_000}'}}}}", "metadata.annotations: Too long"),
    ],
)  # fmt: skip
def test_refused(text: str, complaint: str) -> None:
    assert complaint in refused(text)
