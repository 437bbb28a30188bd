"""Jumps: views of them and of what they lack."""
