"""Logs, run stores, manifests and checkpoints."""
