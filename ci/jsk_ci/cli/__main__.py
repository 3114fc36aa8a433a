"""``python -m jsk_ci.cli``."""

from jsk_ci.cli import main

main()
