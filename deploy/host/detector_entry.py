"""Where the one-file detector begins (stinercut-detector.spec)."""

from app.detector_cli import main

main()
