"""Chain names (pkg/proxy/iptables: portProtoHash, servicePortEndpointChainName): a hash, so that they fit in 28 characters."""

from __future__ import annotations

from base64 import b32encode
from functools import lru_cache
from hashlib import sha256


def service_port_name(namespace: str, name: str, port_name: str) -> str:
    """`ns/name:port`, or `ns/name` where the port has no name (ServicePortName.String)."""
    return f"{namespace}/{name}:{port_name}" if port_name else f"{namespace}/{name}"


@lru_cache(maxsize=1 << 18)
def chain_hash(text: str) -> str:
    """First 16 characters of the base32 of SHA-256 of `text`."""
    return b32encode(sha256(text.encode()).digest())[:16].decode("ascii")


def service_chain(prefix: str, svc_port: str, protocol: str) -> str:
    """`prefix` is SVC, SVL, EXT or FW. The numeric port is not part of the name."""
    return f"KUBE-{prefix}-{chain_hash(svc_port + protocol.lower())}"


def endpoint_chain(svc_port: str, protocol: str, endpoint: str) -> str:
    """`endpoint` is `ip:port`."""
    return f"KUBE-SEP-{chain_hash(svc_port + protocol.lower() + endpoint)}"
