"""R1: perceptrons on MNIST: its studies and their tasks."""
