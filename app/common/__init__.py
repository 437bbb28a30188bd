"""Code that several commands share: options, checks, exit codes, the hub's client."""
