"""Jumps: views of jumps and of the files that they lack."""
