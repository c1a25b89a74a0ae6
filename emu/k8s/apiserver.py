"""The Service `default/kubernetes`, which every cluster has, and something that takes connections behind it.

The API server itself is `api.py`, which the emulated controllers talk to without a network. What pods find at the Service's address is a server on the first
node's port 6443 that accepts TCP connections and speaks no TLS.
"""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Network

from emu.aio.loop import Loop
from emu.aio.process import spawn
from emu.fabric import Machine
from emu.k8s.allocators import ip_of
from emu.k8s.control_plane import ControlPlane
from emu.k8s.objects import LABEL_SERVICE_NAME, Endpoint, EndpointPort, EndpointSlice, Namespace, Service, ServicePort

PORT = 6443
NAME, NAMESPACE = "kubernetes", "default"


def install(control_plane: ControlPlane, machine: Machine, ip: str, loop: Loop) -> None:
    """Create the Service with its slice, and the server on a node (`machine`, with address `ip`)."""
    if control_plane.api.get("Namespace", NAMESPACE) is None:
        control_plane.create(Namespace(NAMESPACE, {"kubernetes.io/metadata.name": NAMESPACE}))
    address = ip_of(int(IPv4Network(control_plane.service_cidr).network_address) + 1)
    labels = {"component": "apiserver", "provider": "kubernetes"}
    control_plane.create(Service(NAME, NAMESPACE, (ServicePort(443, PORT, "TCP", "https"),), cluster_ip=address, labels=labels))
    ports = (EndpointPort("https", PORT),)
    control_plane.create(EndpointSlice(NAME, NAMESPACE, NAME, ports, (Endpoint(ip),), {LABEL_SERVICE_NAME: NAME}))
    spawn(loop, machine.netns, _serve(), name="kube-apiserver")


async def _serve() -> None:
    server = await asyncio.start_server(_take, "0.0.0.0", PORT)
    await server.serve_forever()


async def _take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until the client has said something, or goes."""
    await reader.read(1)
    writer.close()
