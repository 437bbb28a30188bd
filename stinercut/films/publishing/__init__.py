"""Finished outputs put in their place as one step, and what a crash left unfinished."""
