"""What sensors share: polling, and the requests for runs."""
