"""`emu sh --cluster` and `emu shell`: scripts in a cluster, with kubectl, in pods and on nodes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.shell.conftest import ENVIRONMENT, ROOT
from tests.shell.kubectl.test_kubectl import APP

EMU = [sys.executable, "-P", "-m", "emu"]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cluster(tmp_path: Path) -> Run:
    """Runs a script in the cluster of APP (two nodes): `cluster(text, OPTIONS...)`."""
    (tmp_path / "app.yaml").write_text(APP)

    def run(script: str, *options: str, without: str = "") -> subprocess.CompletedProcess[str]:
        (tmp_path / "script.sh").write_text(script)
        command = [*EMU, "sh", "--cluster", "app.yaml", "--no-captures", *options, "script.sh"]
        environment = {**ENVIRONMENT, "EMU_SH_WITHOUT": without}
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=60)

    return run


def test_kubectl_sees_the_cluster_and_changes_it(cluster: Run) -> None:
    done = cluster(
        """
        kubectl get pods -l app=web -o name | wc -l
        kubectl scale deployment web --replicas=3
        kubectl rollout status deployment web | tail -n 1
        kubectl get pods -l app=web --no-headers | grep -c Running
        kubectl logs -f deploy/web; echo "logs $?"
        kubectl get nothing; echo "status $?"
        """
    )
    assert done.stdout.splitlines() == [
        "2", "deployment.apps/web scaled", 'deployment "web" successfully rolled out', "3", "logs 0", "status 1",
    ]  # fmt: skip
    assert done.stderr == "error: the server doesn't have a resource type \"nothing\"\n"


def test_kubectl_reads_files_and_standard_input_of_the_script(cluster: Run) -> None:
    manifest = "{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}}"
    done = cluster(
        f"""
        echo '{manifest % "a"}' > a.yaml
        kubectl apply -f a.yaml
        kubectl apply -f - <<< '{manifest % "b"}'
        kubectl apply -f <(echo '{manifest % "c"}')
        kubectl apply -f missing.yaml
        """
    )
    assert done.stdout.splitlines() == ["configmap/a created", "configmap/b created", "configmap/c created"]
    assert done.stderr.startswith("error: ")
    assert "missing.yaml" in done.stderr
    assert "/proc/" not in done.stderr


def test_exec_enters_the_pod_with_its_names(cluster: Run) -> None:
    done = cluster(
        """
        kubectl exec client -- hostname
        kubectl exec -it client -- sh -c 'nslookup web | tail -n 2; cat | wc -l; exit 7' <<< "a line"; echo "status $?"
        kubectl exec client -- getent hosts web.default
        kubectl exec client -- sh -c 'test "$(hostname -i)" = "$(ip -4 -br addr show eth0 | awk "{print \\$3}" | cut -d/ -f1)" && echo same'
        for pod in client client; do kubectl exec $pod -- curl -s -o /dev/null -w '%{http_code}\\n' http://web/; done
        while read -r name; do kubectl exec "$name" -- cat; echo "$name"; done <<< "client"
        """
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "client", "Address: 10.96.0.80", "", "1", "status 7", "10.96.0.80      web.default.svc.cluster.local", "same", "200", "200", "client",
    ]  # fmt: skip


def test_exec_where_there_is_no_pod(cluster: Run) -> None:
    done = cluster("kubectl exec nobody -- true; echo $?; kubectl exec client; echo $?; ip netns exec nobody true; echo $?")
    assert done.stdout.split() == ["1", "1", "255"]
    assert done.stderr.splitlines() == [
        'Error from server (NotFound): pods "nobody" not found', "error: you must specify at least one command for the container",
        'Cannot open network namespace "nobody": No such file or directory',
    ]  # fmt: skip


def test_a_pod_for_one_command(cluster: Run) -> None:
    done = cluster(
        """
        kubectl run probe --rm -it --image=busybox --restart=Never -- sh -c 'hostname; curl -s -o /dev/null -w "%{http_code}\\n" http://web; exit 3'
        echo "status $?"
        kubectl get pod probe
        """
    )
    assert done.stdout.splitlines() == ["probe", "200", 'pod "probe" deleted from default namespace', "status 3"]
    assert done.stderr == 'Error from server (NotFound): pods "probe" not found\n'


def test_what_runs_in_a_pod_ends_with_it(cluster: Run) -> None:
    done = cluster("kubectl exec client -- ping 192.168.0.3 > out & kubectl delete pod client --now; wait $!; echo $?; grep -c ttl=6 out")
    assert done.stdout.splitlines()[:2] == ['pod "client" deleted from default namespace', "137"]
    assert 1 <= int(done.stdout.splitlines()[2]) < 5
    assert done.stderr == ""


def test_the_workstation_stands_on_the_nodes_network(cluster: Run) -> None:
    done = cluster(
        """
        hostname
        ip -4 -br addr show eth0
        curl -s -o /dev/null -w '%{http_code}\\n' http://192.168.0.2:30080/
        timeout 3 curl -s http://10.96.0.80/ || echo "cluster addresses are the nodes' business"
        kubectl expose deployment web --name=lb --type=LoadBalancer --port=80
        sleep 3
        curl -s -o /dev/null -w '%{http_code}\\n' "http://$(kubectl get svc lb -o jsonpath='{.status.loadBalancer.ingress[0].ip}')/"
        """
    )
    assert done.stdout.splitlines() == [
        "host", "eth0             UP             192.168.255.253/16 ", "200", "cluster addresses are the nodes' business", "service/lb exposed", "200",
    ]  # fmt: skip


def test_nodes_are_entered_by_ssh_and_by_debug(cluster: Run) -> None:
    done = cluster(
        """
        ssh -o StrictHostKeyChecking=no root@node2 'hostname; sudo iptables-save -t nat | grep -c "^:KUBE-SVC"'
        ssh 192.168.0.2 hostname
        kubectl debug node/node1 -it --image=busybox -- ip -br link show cbr0 | cut -d' ' -f1
        ssh node1 ip netns list | cut -d' ' -f1 | grep client
        ssh nowhere true; echo $?
        """
    )
    assert done.stdout.splitlines() == ["node2", "5", "node1", "cbr0", "client", "255"]
    assert done.stderr == "ssh: Could not resolve hostname nowhere: Name or service not known\n"


def test_what_runs_in_a_pod_sees_the_files_of_its_etc(cluster: Run) -> None:
    done = cluster(
        """
        kubectl exec client -- cat /etc/resolv.conf
        kubectl exec client -- sh -c 'cat /etc/hostname; uname -n; echo $HOSTNAME'
        kubectl exec client -- tail -n 1 /etc/hosts | grep -o 'client$'
        kubectl exec client -- printenv WEB_SERVICE_HOST KUBERNETES_SERVICE_PORT_HTTPS
        kubectl run probe --rm -i --image=busybox -- uname -n
        ssh node2 'cat /etc/resolv.conf; uname -n'
        uname -n
        """
    )
    assert done.stdout.splitlines() == [
        "nameserver 10.96.0.10", "search default.svc.cluster.local svc.cluster.local cluster.local", "options ndots:5", "client", "client", "client", "client",
        "10.96.0.80", "443", "probe", 'pod "probe" deleted from default namespace', "nameserver 198.51.100.10", "node2", "host",
    ]  # fmt: skip


def test_the_script_in_the_readme(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Asking a cluster")[2]
    found = re.search(r"```bash\n(kubectl.*?)```\n\n```console\n(.*?)```", text, re.DOTALL)
    assert found is not None
    manifest = str(ROOT / "tests/k8s/examples/connecting-applications.yaml")
    done = subprocess.run(
        [*EMU, "sh", "--cluster", manifest, "--no-captures"], input=found[1], capture_output=True, text=True, env=ENVIRONMENT, cwd=tmp_path, timeout=60
    )
    assert (done.stdout, done.returncode) == (found[2], 0)


def test_time_is_virtual_and_the_same_script_meets_the_same_world(cluster: Run) -> None:
    script = "sleep 10m; kubectl get pods -o wide; kubectl delete pod client; kubectl exec deploy/web -- ping -c 1 192.168.0.3"
    first, second = cluster(script), cluster(script)
    assert "10m" in first.stdout
    assert first.stdout == second.stdout


def test_without_a_fence(cluster: Run) -> None:
    done = cluster("kubectl exec client -- hostname; kubectl exec client -- getent hosts web; kubectl exec -i client -- wc -l <<< x", without="fence root")
    assert done.stdout.splitlines() == ["client", "10.96.0.80      web.default.svc.cluster.local", "1"]


def test_kubectl_without_a_cluster_says_so(tmp_path: Path) -> None:
    command = [*EMU, "sh", "--no-captures"]
    done = subprocess.run(command, input="kubectl get pods\n", capture_output=True, text=True, env=ENVIRONMENT, cwd=tmp_path, timeout=60)
    assert (done.returncode, done.stderr) == (1, "emu: kubectl: there is no cluster here: emu sh --cluster FILE has one\n")


def test_emu_shell_reads_from_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_text(APP)
    command = [*EMU, "shell", "-f", "app.yaml", "--nodes", "3", "-n", "kube-system"]
    script = "kubectl get nodes --no-headers | wc -l\nkubectl get pods --no-headers | grep -c coredns\nkubectl get -n default pod client -o name\nexit 4\n"
    done = subprocess.run(command, input=script, capture_output=True, text=True, env=ENVIRONMENT, cwd=tmp_path, timeout=60)
    assert (done.stdout.split(), done.stderr, done.returncode) == (["3", "2", "pod/client"], "", 4)
    assert (tmp_path / "captures" / "shell" / "client.eth0.pcap").exists()
