"""What makes studies: runs in parallel, files, statistics, tables and figures."""
