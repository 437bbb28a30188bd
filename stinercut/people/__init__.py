"""People: accounts, roles and permissions, sign-ins, keys of programs and detectors, and who did what."""
