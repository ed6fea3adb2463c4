"""Reports and exports that are made again and again: when, and who is told of the file."""
