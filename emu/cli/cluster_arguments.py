"""The command line of what works on a cluster of one's own: manifests, nodes, and what is asked."""

from __future__ import annotations

from typing import Any

TRACE = """\
FROM and TO: pod/NAME, NS/NAME (a pod), svc/NAME, node/NAME, deploy/NAME (sts/, ds/ ...: the first ready pod), internet, an address, or a DNS name (TO);
NAME may be NS/NAME. PORT is a number or a port's name; without one, the first that the Service or the pod declares.

examples:
  emu trace -f app.yaml pod/client svc/web
  emu trace -f app.yaml --nodes 3 internet svc/web:http --proto http --path /healthz
  emu trace -f app.yaml deploy/frontend redis.default:6379

exit status: 0 delivered, 1 not, 2 bad usage or input
"""


SHELL = """\
kubectl as usual; kubectl exec -it POD -- bash and ssh NODE lead into a pod and onto a node. The machine one begins on is called host and stands
on the nodes' network.

examples:
  emu shell -f app.yaml --nodes 3
  echo 'kubectl get pods -o wide' | emu shell -f app.yaml
"""


EXEC = """\
examples:
  emu exec -f app.yaml node1 -- iptables-save -t nat
  emu exec -f app.yaml client -- curl -s http://web/
  emu exec -f app.yaml -n shop deploy/frontend -- nslookup redis

exit status: the command's; 2 bad usage or input
"""


MATRIX = """\
examples:
  emu matrix -f app.yaml                 every pod to every pod and Service, each at the first port it declares
  emu matrix -f app.yaml --port 80       at port 80

exit status: 0 everything was reached, 1 something was not, 2 bad usage or input
"""


def whole(text: str) -> int:
    """A number of nodes."""
    import argparse

    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def seed(text: str) -> int:
    """A whole number, also a negative or a big one."""
    import argparse

    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def add_cluster(command: Any, *names: str) -> None:
    """What says which cluster. `names`: other names of -f."""
    command.add_argument(
        "-f", "--filename", *names, metavar="FILE", action="append", default=[],
        help="a manifest, a folder of them, or - for standard input; may be repeated",
    )  # fmt: skip
    command.add_argument("--nodes", metavar="N", type=whole, help="how many nodes, where the manifests hold no Node (default: 2)")
    command.add_argument("-n", "--namespace", metavar="NS", default="default", help="the namespace of names that give none (default: default)")
    command.add_argument("--seed", metavar="N", type=seed, default=0, help="what all random choices follow from (default: 0)")
    ranges = command.add_argument_group("addresses")
    ranges.add_argument("--service-cidr", metavar="CIDR", help="the range of cluster IPs (default: 10.96.0.0/12)")
    ranges.add_argument("--pod-cidr", metavar="CIDR", help="the range that the nodes' pod ranges are cut from (default: 10.244.0.0/16)")
    ranges.add_argument("--node-cidr", metavar="CIDR", help="the nodes' network (default: 192.168.0.0/16)")
    proxy = command.add_argument_group("kube-proxy")
    proxy.add_argument("--detect-local", metavar="MODE[:INTERFACE]", help="ClusterCIDR (the default), NodeCIDR, BridgeInterface, InterfaceNamePrefix or None")
    proxy.add_argument("--masquerade-all", action="store_true", help="masquerade everything that goes to a Service")
    proxy.add_argument("--node-port-addresses", metavar="CIDR,...", help="which of a node's addresses node ports answer on (default: all)")
    proxy.add_argument("--no-localhost-nodeports", action="store_true", help="node ports do not answer on 127.0.0.1")


def add_trace(commands: Any) -> None:
    """`emu trace`."""
    import argparse

    about = "Send something from one place in a cluster to another, with real packets, and tell what became of it."
    trace = commands.add_parser(
        "trace",
        help="can FROM reach TO, and why not",
        description=about,
        epilog=TRACE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_cluster(trace)
    trace.add_argument("sender", metavar="FROM", help="where it starts")
    trace.add_argument("receiver", metavar="TO[:PORT]", help="where it goes")
    trace.add_argument("--proto", choices=("tcp", "udp", "icmp", "http"), help="default: the port's; icmp where there is no port")
    trace.add_argument("--path", metavar="PATH", help="of an HTTP request (implies --proto http)")
    trace.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    trace.add_argument("--quiet", action="store_true", help="print the verdict only")
    trace.add_argument("--captures", metavar="DIR", help="write captures of every interface there")


def add_shell(commands: Any) -> None:
    """`emu shell`."""
    import argparse

    about = "A shell in a live cluster: kubectl, and every network command on nodes and in pods. Commands may also come on standard input."
    shell = commands.add_parser(
        "shell", help="a shell in a live cluster", description=about, epilog=SHELL, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add_cluster(shell)
    shell.add_argument("--captures", metavar="DIR", help="where captures go (default: captures/shell)")
    shell.add_argument("--no-captures", action="store_true", help="write no captures")
    shell.add_argument("--hops", action="store_true", help="print the hop table of each command that sends")


def add_exec(commands: Any) -> None:
    """`emu exec`."""
    import argparse

    about = "Run one of Linux's commands on a node or in a pod of a cluster."
    command = commands.add_parser(
        "exec", help="one command on a node or in a pod", description=about, epilog=EXEC, formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False, usage="emu exec [-f FILE...] [OPTIONS] NODE|POD -- COMMAND...",
    )  # fmt: skip
    add_cluster(command)
    command.add_argument("place", metavar="NODE|POD", help="a node's name, a pod's (pod/NAME, deploy/NAME ... too), host, router or internet")
    command.set_defaults(words=[])


def add_matrix(commands: Any) -> None:
    """`emu matrix`."""
    import argparse

    about = "Who reaches whom: from every pod to every pod and Service a real connection is tried; behind every no stands a reason."
    matrix = commands.add_parser(
        "matrix",
        help="who reaches whom in a cluster",
        description=about,
        epilog=MATRIX,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_cluster(matrix)
    matrix.add_argument("--port", metavar="P", default="", help="a port's number or name (default: the first that each declares)")
    matrix.add_argument("--system", action="store_true", help="with the pods and Services of kube-system and other add-ons")
    matrix.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
