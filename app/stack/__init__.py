"""`stinercut up` and `stinercut worker`: which processes run, and what is prepared for them."""
