"""What stands behind each word of the command line."""
