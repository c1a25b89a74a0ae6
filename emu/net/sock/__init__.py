"""Sockets of one namespace: ports, UDP, ping, raw ICMP, TCP, as the kernel offers them to programs (non-blocking, with callbacks)."""
