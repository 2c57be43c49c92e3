"""What a user writes: networks, populations, sources, connectivity, what is recorded."""
