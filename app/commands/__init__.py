"""One module per command of `stinercut`: its options, its help, what it prints. The work is done elsewhere."""
