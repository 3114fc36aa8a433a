"""The kernel publisher: what is pushed to the registry is published, and offered by the domain."""
