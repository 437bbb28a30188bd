"""Supervising child processes: starting, signals, logs, and the guard that ends them."""
