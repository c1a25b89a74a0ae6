"""The Container Network Interface: what gives a pod's namespace its network (github.com/containernetworking/cni, SPEC.md)."""
