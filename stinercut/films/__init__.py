"""Making a film: its plan, picture, sound, photos, checks, and the outputs that are published.

Owns: everything from a jump's footage and a template to finished files. Not here: Dagster's assets
(`stinercut_assets.films`), the film's row in the catalog (`stinercut.jumps.film_records`).
"""
