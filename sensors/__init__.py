"""When something is made: thin Dagster sensors over pure decision functions.

Owns: `decisions` (plain functions from what the catalog knows to what should run) and the sensors that apply
them. A sensor makes its `Installation` itself: asking for it as a resource would build a Dagster instance at every
tick, which costs more than all the rest of it. Not here: what is made (`stinercut_assets`), what is known
(`stinercut.catalog`).
"""
