"""What changes weights: pairs of spikes, three factors, optimisers."""
