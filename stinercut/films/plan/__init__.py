"""What a film consists of, planned before anything is encoded: time base, shots, transitions, progress."""
