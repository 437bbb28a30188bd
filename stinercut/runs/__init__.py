"""Failures of the pipeline as people see them: what failed, what can be done about it, what is switched off.

Owns: failure rows, remedies, the state of automation. Not here: Dagster (`stinercut_assets`, `sensors`), the pages
(`hub.runs`).
"""
