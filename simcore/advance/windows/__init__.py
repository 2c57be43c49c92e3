"""Kernels that advance a layer for a whole window."""
