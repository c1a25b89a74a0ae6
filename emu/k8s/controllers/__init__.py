"""The controllers of kube-controller-manager that make pods (pkg/controller)."""
