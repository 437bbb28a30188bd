"""The plan of a film, made before anything is encoded: time base, shots, transitions, progress."""
