"""Ingress: a controller that proxies HTTP from outside to Services by host and path."""
