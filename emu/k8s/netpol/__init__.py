"""NetworkPolicy v1, enforced by an agent on every node that writes iptables rules."""
