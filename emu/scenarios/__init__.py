"""Runnable stories, one file each: what happens to a packet in a Kubernetes cluster, and why."""
