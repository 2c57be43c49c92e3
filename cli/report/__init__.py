"""``tegmentum report``: one HTML page of a run store, that needs nothing else."""
