"""Typefaces whose glyphs stand on guarantee files."""
