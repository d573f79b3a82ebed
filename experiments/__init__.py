"""Experiments on fnnet: `python -m experiments list` names them, `run NAME` leaves a run folder to read."""
