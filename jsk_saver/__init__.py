"""The JSK experiment kit: save any object, find it again, never lose a version."""
