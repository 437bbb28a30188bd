"""Upkeep by Dagster, once a night: removes old runs, values and segments."""
