"""Can FROM reach TO, and if not, which object is to blame."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emu import Cluster
from emu.k8s.objects import KubernetesError
from emu.lab.ask.question import ask

APP = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx, ports: [{containerPort: 80, name: http}], readinessProbe: {httpGet: {path: /, port: http}}}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: http, name: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: typo}
spec: {selector: {app: wbe}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: wrong-port}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: wrong-name}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: https}]}
---
apiVersion: v1
kind: Pod
metadata: {name: sick, labels: {app: sick}}
spec:
  nodeName: node1
  containers:
  - {name: a, image: agnhost, args: [netexec], ports: [{containerPort: 8080}], readinessProbe: {httpGet: {path: "/echo?code=500", port: 8080}}}
---
apiVersion: v1
kind: Service
metadata: {name: sick}
spec: {selector: {app: sick}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: tape, labels: {app: tape}}
spec: {nodeSelector: {disk: tape}, containers: [{name: a, image: nginx}]}
---
apiVersion: v1
kind: Service
metadata: {name: tape}
spec: {selector: {app: tape}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: headless}
spec: {clusterIP: None, selector: {app: nobody}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: local}
spec: {selector: {app: only}, internalTrafficPolicy: Local, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: only, labels: {app: only}}
spec: {nodeName: node2, containers: [{name: a, image: nginx}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {nodeName: node1, containers: [{name: c, image: busybox}]}
---
apiVersion: v1
kind: Pod
metadata: {name: guarded, namespace: shop, labels: {app: guarded}}
spec: {containers: [{name: a, image: nginx}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny-all, namespace: shop}
spec: {podSelector: {}}
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=2, seed=1, dns=True) as cluster:
        cluster.apply(APP)
        yield cluster


@pytest.mark.parametrize(
    ("sender", "receiver", "options", "backend"),
    [
        ("pod/client", "svc/web", {}, "pod default/web-"),
        ("client", "svc/web:http", {"protocol": "http"}, "pod default/web-"),
        ("default/client", "web.default:80", {}, "pod default/web-"),
        ("node/node1", "svc/web:80", {}, "pod default/web-"),
        ("internet", "svc/web", {}, "pod default/web-"),
        ("deploy/web", "pod/client", {}, "pod default/client"),
        ("client", "only:80", {}, "pod default/only"),
        ("client", "internet", {}, "internet"),
        ("client", "example.com:80", {"protocol": "http"}, "internet"),
        ("client", "node/node2", {}, "node node2"),
        ("client", "sick:8081", {"protocol": "udp"}, "pod default/sick"),
        ("client", "client", {}, "pod default/client"),
    ],
)
def test_delivered(cluster: Cluster, sender: str, receiver: str, options: dict[str, str], backend: str) -> None:
    answer = ask(cluster, sender, receiver, **options)  # type: ignore[arg-type]
    assert answer.delivered, answer.verdict
    assert answer.backend.startswith(backend)
    assert answer.trace.hops
    assert answer.verdict.endswith(f"delivered to {answer.backend}" + (", which answered 200" if options.get("protocol") == "http" else ""))


@pytest.mark.parametrize(
    ("sender", "receiver", "reason", "advice"),
    [
        ("client", "svc/typo", "Service default/typo has no ready endpoints: no pod in namespace default has the labels of its selector app=wbe "
         "(there are pods with app=web)", "make the selector and the pods' labels agree"),
        ("client", "svc/sick", "Service default/sick has no ready endpoints: pod sick fails its readiness probe (HTTP 500 on /echo?code=500)",
         "make the pods ready"),
        ("client", "svc/tape", "Service default/tape has no ready endpoints: pod tape does not run: 0/2 nodes are available: 2 node(s) didn't match "
         "Pod's node affinity/selector.", "make the pods ready"),
        ("client", "svc/wrong-name", "Service default/wrong-name has no ready endpoints: no pod it selects has a port named 'https'",
         "name the container's port, or give targetPort a number"),
        ("client", "svc/wrong-port", "was reached, and its TCP port 8080 is closed; it listens on 80/TCP",
         'make targetPort of Service "default/wrong-port" a port that the pod listens on'),
        ("client", "svc/web:81", 'Service "default/web" has no port 81/TCP (it has 80/TCP): no rule translates it, and router has no route to a ClusterIP',
         "ask for a port the Service has, or add this one"),
        ("client", "svc/local", "Service default/local has no ready endpoint on node1, and its internalTrafficPolicy is Local: there it is dropped",
         "send to a node that has one, run a pod on node1, or set internalTrafficPolicy to Cluster"),
        ("client", "svc/headless", "Service default/headless has no ready endpoints: no pod in namespace default has the labels of its selector app=nobody",
         "make the selector"),
        ("client", "shop/guarded:80", "NetworkPolicy shop/deny-all isolates pod shop/guarded for ingress, and no rule lets this into it",
         "add an ingress rule that allows tcp port 80"),
        ("client", "nowhere:80", "there is no name nowhere", "write SERVICE, SERVICE.NAMESPACE or the full name"),
        ("client", "only:81", "pod default/only was reached, and its TCP port 81 is closed; it listens on 80/TCP", "start a server on that port"),
        ("client", "10.244.2.99:80", "10.244.2.99 did not answer ARP on cbr0: no machine there has the address", ""),
        ("internet", "svc/typo", "is the ClusterIP of Service \"default/typo\": it is translated on the cluster's nodes only, and internet has no route to it",
         "from outside the cluster use a NodePort or a LoadBalancer"),
    ],
)  # fmt: skip
def test_why_not(cluster: Cluster, sender: str, receiver: str, reason: str, advice: str) -> None:
    answer = ask(cluster, sender, receiver)
    assert not answer.delivered
    assert answer.why is not None
    assert reason in answer.why.reason
    assert answer.why.advice.startswith(advice)
    assert bool(advice) == bool(answer.why.advice)


def test_a_ping_to_a_cluster_ip_goes_astray(cluster: Cluster) -> None:
    why = ask(cluster, "client", "svc/web", protocol="icmp").why
    assert why is not None
    assert 'is the ClusterIP of Service "default/web": kube-proxy has rules for its ports only (80/TCP), so a ping goes astray (lost at router)' in why.reason


@pytest.mark.parametrize(
    ("sender", "receiver", "complaint"),
    [
        ("pod/clint", "svc/web", 'Pod "default/clint" not found; there is client'),
        ("client", "svc/webb", 'Service "default/webb" not found; there is web'),
        ("svc/web", "client", "traffic starts at pods, nodes and the internet, not at a Service"),
        ("client", "svc/web:https", "has no port named 'https' (named ports: http)"),
        ("client", "node/node9", "there is no node 'node9'"),
        ("client", "only:x", "has no port named 'x' (named ports: none)"),
        ("client", "10.1.1.1:0", "'0' is not a port"),
        ("10.1.1.1", "client", "no pod, node or other host of the cluster has this address"),
        ("deploy/api", "client", 'Deployment "default/api" not found'),
        ("client", "pod/tape", 'Pod "default/tape" has no address: 0/2 nodes are available'),
    ],
)
def test_bad_questions(cluster: Cluster, sender: str, receiver: str, complaint: str) -> None:
    with pytest.raises((KubernetesError, ValueError)) as caught:
        ask(cluster, sender, receiver)
    assert complaint in str(caught.value)
