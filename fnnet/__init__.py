"""Functional neural networks in NumPy: nets are values, every derivative is written by hand and proved."""
