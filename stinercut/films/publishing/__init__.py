"""Publishing: moves finished outputs to their places in one step, and removes what a crash left unfinished."""
