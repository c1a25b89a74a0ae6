"""Netfilter: tables of rules at five hooks of IP. `get(ns)` gives a namespace's, made at the first call."""

from emu.net.netfilter.netfilter import FORWARD, INPUT, OUTPUT, POSTROUTING, PREROUTING, Netfilter, get

__all__ = ["FORWARD", "INPUT", "OUTPUT", "POSTROUTING", "PREROUTING", "Netfilter", "get"]
