"""Kubernetes: API objects and the programs around them. They only configure, through `iproute`; none of them ever sees a frame."""
