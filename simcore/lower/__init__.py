"""From a description to flat arrays: numbers, rows of synapses, tables."""
