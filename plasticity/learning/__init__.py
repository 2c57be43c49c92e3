"""Networks that learn classes: online by dopamine STDP, or by NACA on the windows of a dense chain and on ticks."""
