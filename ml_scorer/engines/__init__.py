"""Engines beside the threads of this process: where predictions are read and counted on other machines."""
