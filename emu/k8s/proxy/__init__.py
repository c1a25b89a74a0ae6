"""kube-proxy, iptables mode (Kubernetes v1.36): from Services and EndpointSlices to one iptables-restore document per node."""
