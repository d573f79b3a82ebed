"""R5: LeNet-5 with Adam on MNIST: its studies and their tasks."""
