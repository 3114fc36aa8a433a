"""Real servers for the tests: each starts on a free loopback port and is gone when the tests end."""
