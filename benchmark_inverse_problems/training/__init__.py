"""Recipes that train the bundled networks: ``train NAME``."""
