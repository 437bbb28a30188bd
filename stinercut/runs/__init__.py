"""Failures of the pipeline as people see them: failed steps, remedies, and switched-off automation.

Owns: failure rows, remedies, the state of automation. Not here: Dagster (`stinercut_assets`, `sensors`), the pages
(`hub.runs`).
"""
