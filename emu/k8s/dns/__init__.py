"""Cluster DNS: the names of Services and pods, and CoreDNS as an add-on that serves them."""
