"""Dagster's processes as we start them: their definitions, executors, and the guard around the webserver."""
