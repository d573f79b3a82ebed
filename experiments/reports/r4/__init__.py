"""R4: a sine and twelve handwritten characters: its studies and their tasks."""
