"""The verified copy: read, written, read back, journalled, resumed."""
