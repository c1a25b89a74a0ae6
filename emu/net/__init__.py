"""One Linux network namespace: devices, bridge, neighbours, FIB, IPv4, ICMP, netfilter, conntrack, sockets."""
