"""Frames, addresses, header rewriting, builders. The only importer of scapy on the data path."""
