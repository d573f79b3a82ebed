"""R2: LeNet-5 with sigmoids on MNIST: its studies and their tasks."""
