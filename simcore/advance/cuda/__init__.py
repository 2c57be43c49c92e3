"""The tick loop on a CUDA device."""
