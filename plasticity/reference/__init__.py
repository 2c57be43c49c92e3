"""Published networks and other things to compare with."""
