"""Reading codes as files arrive."""
