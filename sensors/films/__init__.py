"""Sensors that start work on films."""
