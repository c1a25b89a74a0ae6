"""Capture files: classic pcap, one per interface, and pcapng with all of them. Bytes in, bytes out; no frame is dissected here."""
