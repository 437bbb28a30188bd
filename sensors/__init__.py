"""When something is made: thin Dagster sensors over pure decision functions.

Lives here: `decisions` (plain functions from what the catalog knows to what should run) and the sensors that apply
them. Doesn't: what is made (`stinercut_assets`), what is known (`stinercut.catalog`).
"""
