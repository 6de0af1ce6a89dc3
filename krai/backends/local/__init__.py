"""The embedded backends: SQLite files and a folder, shared by all of krai's processes on one machine."""
