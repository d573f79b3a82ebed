"""R3: a small library on digits of 16 × 16: its studies and their tasks."""
