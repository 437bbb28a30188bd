"""Sensors that start work on cards."""
