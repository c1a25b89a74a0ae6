"""The cluster that a command line describes."""

from __future__ import annotations

import argparse
import sys
import warnings

from emu.cli.errors import UserError, one_line
from emu.k8s.delays import LIKE_A_CLUSTER
from emu.k8s.images import note_of
from emu.lab import Cluster
from emu.pcap.file import CaptureError

DEFAULT_NODES = 2


def build(options: argparse.Namespace, captures: str | None = None) -> Cluster:
    """The cluster of `-f` and `--nodes`, settled. Notes go to stderr. Raises UserError."""
    has_nodes: int | None = options.nodes
    arguments = {"seed": options.seed, "captures": captures, "delays": LIKE_A_CLUSTER}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cluster = Cluster.from_manifests(options.filename, nodes=has_nodes, default_nodes=DEFAULT_NODES, **arguments)
    except (ValueError, CaptureError) as error:
        raise UserError(one_line(error)) from None
    for note in notes(cluster):
        print(f"emu: note: {note}", file=sys.stderr)
    return cluster


def notes(cluster: Cluster) -> list[str]:
    """What a person should know: skipped kinds, images that are not known."""
    images = {note: None for pod in cluster.api.pods.values() for container in pod.spec.containers if (note := note_of(container))}
    return [*cluster.objects.notes, *images]
