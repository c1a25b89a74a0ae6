"""The cluster that a command line describes."""

from __future__ import annotations

import argparse
import sys
import warnings
from typing import Any

from emu.cli.errors import UserError, one_line
from emu.k8s.delays import LIKE_A_CLUSTER
from emu.k8s.images import note_of
from emu.k8s.proxy.config import ProxyConfig
from emu.lab import Cluster
from emu.pcap.file import CaptureError

DEFAULT_NODES = 2


def build(options: argparse.Namespace, captures: str | None = None) -> Cluster:
    """The cluster of `-f` and `--nodes`, settled. Notes go to stderr. Raises UserError."""
    has_nodes: int | None = options.nodes
    arguments: dict[str, Any] = {"seed": options.seed, "captures": captures, "delays": LIKE_A_CLUSTER}
    arguments |= {name: given for name in ("service_cidr", "pod_cidr", "node_cidr") if (given := getattr(options, name)) is not None}
    try:
        arguments["proxy"] = proxy_config(options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cluster = Cluster.from_manifests(options.filename, nodes=has_nodes, default_nodes=DEFAULT_NODES, **arguments)
    except (ValueError, CaptureError) as error:
        raise UserError(one_line(error)) from None
    for note in notes(cluster):
        print(f"emu: note: {note}", file=sys.stderr)
    return cluster


def proxy_config(options: argparse.Namespace) -> ProxyConfig:
    """How kube-proxy is to be configured. Raises ValueError."""
    mode, _, interface = (options.detect_local or "ClusterCIDR").partition(":")
    addresses = tuple(cidr for cidr in (options.node_port_addresses or "").split(",") if cidr)
    return ProxyConfig(mode, interface, options.masquerade_all, addresses, not options.no_localhost_nodeports)


def notes(cluster: Cluster) -> list[str]:
    """What a person should know: skipped kinds, images that are not known."""
    images = {note: None for pod in cluster.api.pods.values() for container in pod.spec.containers if (note := note_of(container))}
    return [*cluster.objects.notes, *images]
