"""Card readers that hang: threads that may never return, and the watchdog that gives them up."""
