"""Assets of a jump, from its imported files to the film."""
