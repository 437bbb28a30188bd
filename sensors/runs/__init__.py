"""Sensors that watch how runs end."""
