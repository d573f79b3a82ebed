"""Tests of nets by name."""
