"""A room for each report: the studies, what they ask, and the tasks, what they train."""
