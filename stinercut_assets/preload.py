"""What the forkserver imports once, so that every step's process starts with it.

Lives here: the import list of `film_executor`. Doesn't: anything else.
"""

__all__: list[str] = []
