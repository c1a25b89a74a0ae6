"""kube-proxy's health check for load balancers: HTTP on a Service's healthCheckNodePort, 200 where the node has a ready endpoint of its own.

Source: pkg/proxy/healthcheck/service_health.go.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable

from emu.apps.entry import MOMENT, Parser, run
from emu.apps.http_server import HttpServer
from emu.apps.stdio import Stdio


def server(node: str, port: int, namespace: str, name: str, local_endpoints: Callable[[], int], moment: float = 0.0) -> HttpServer:
    """The listener of one Service on one node, whatever path is asked for."""

    def answer(method: str, path: str, query: dict[str, list[str]], body: bytes, client: tuple[str, int]) -> tuple[int, bytes]:
        count = local_endpoints()
        told = {"service": {"namespace": namespace, "name": name}, "localEndpoints": count, "serviceProxyHealthy": True}
        return 200 if count else 503, json.dumps(told).encode()

    return HttpServer(node, port, handler=answer, moment=moment)


async def main(words: list[str], stdio: Stdio) -> int:
    """The command line. One line is printed when it listens."""
    parser = Parser("service_health", "What kube-proxy answers a load balancer on a Service's healthCheckNodePort. It says when it listens.", stdio)
    parser.add_argument("port", type=int)
    parser.add_argument("--service", required=True, metavar="NAMESPACE/NAME")
    parser.add_argument("--local-endpoints", required=True, type=int, metavar="N", help="how many ready endpoints the node has: 200 if any, else 503")
    options = parser.parse_args(words)
    namespace, _, name = options.service.partition("/")
    try:
        await server("", options.port, namespace, name, lambda: int(options.local_endpoints), MOMENT).serve(
            lambda: stdio.write(f"{options.service}: listening on port {options.port}\n".encode())
        )
    except OSError as error:
        stdio.error(f"port {options.port}: {os.strerror(error.errno or 0)}\n".encode())
        return 1
    return 0


if __name__ == "__main__":
    run(main)
