"""`stinercut doctor`: checks of machine, detector, fleet and databases."""
