"""The cases, by role. Each registers itself when its module is imported."""
