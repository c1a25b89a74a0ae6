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


def add_cluster(command: Any) -> None:
    """What says which cluster."""
    command.add_argument(
        "-f", "--filename", metavar="FILE", action="append", default=[], help="a manifest, a folder of them, or - for standard input; may be repeated"
    )
    command.add_argument("--nodes", metavar="N", type=whole, help="how many nodes, where the manifests hold no Node (default: 2)")
    command.add_argument("-n", "--namespace", metavar="NS", default="default", help="the namespace of names that give none (default: default)")
    command.add_argument("--seed", metavar="N", type=int, default=0, help="what all random choices follow from (default: 0)")


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
