"""What goes beyond the reports: its studies and their tasks."""
