"""Dagster's processes as we start them: definitions, executors, the guard around its webserver."""
