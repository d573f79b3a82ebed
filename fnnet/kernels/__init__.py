"""Arithmetic on arrays, each forward beside its adjoint; no layers, params or keys here."""
