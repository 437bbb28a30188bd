"""Photos with a film: stills of the footage, and the photos that cameras took."""
