"""Single machine instructions for kernels."""
