"""The suggester beside the baselines, by one protocol."""
