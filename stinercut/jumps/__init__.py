"""Jumps in the catalog: their files, cut, films and bookings, and whether they are ready, stale or in progress.

Owns: the queries and rules about one jump. Not here: cards (`stinercut.cards`), a person's decisions
(`stinercut.review`), making films (`stinercut.films`).
"""
