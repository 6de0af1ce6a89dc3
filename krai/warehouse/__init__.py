"""The datasets: a port, and the tables behind it."""
