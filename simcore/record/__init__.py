"""Logs, run stores, manifests, states of simulations and checkpoints of runs."""
