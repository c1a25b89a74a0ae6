"""Configuration of namespaces, as `ip`, `bridge`, `iptables`, `sysctl` and `conntrack` do it: functions with typed arguments, and Linux's text out."""
