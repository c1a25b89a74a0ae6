"""The namespace's net.ipv4.tcp_* sysctls in the form the TCP machine wants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.tcp.settings import Settings

if TYPE_CHECKING:
    from emu.net.netns import Namespace

_DEFAULT = Settings()
_CACHE: dict[tuple[tuple[str, Any], ...], Settings] = {}


def settings_of(ns: Namespace) -> Settings:
    """Shared by all namespaces that changed the same sysctls in the same way; most changed none."""
    changed = tuple((name, value) for name, value in vars(ns.sysctl).items() if name.startswith("tcp_"))
    if not changed:
        return _DEFAULT
    settings = _CACHE.get(changed)
    if settings is None:
        settings = Settings()
        for name, value in changed:
            if name == "tcp_rto_min_us":
                settings.tcp_rto_min_ns = value * 1000
            elif name == "tcp_rto_max_ms":
                settings.tcp_rto_max_ns = value * 1_000_000
            elif name == "tcp_invalid_ratelimit":
                settings.tcp_invalid_ratelimit_ns = value * 1_000_000
            elif name in Settings.__slots__:
                setattr(settings, name, value)
        if len(_CACHE) >= 256:
            _CACHE.clear()
        _CACHE[changed] = settings
    return settings
