"""People over HTTP: signing in and out, oneself, accounts, the audit."""
