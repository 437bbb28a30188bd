"""Card readers that hang: threads that may never return, and the watchdog over them."""
