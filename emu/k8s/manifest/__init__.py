"""Manifests: from YAML and JSON to API objects."""
