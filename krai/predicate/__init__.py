"""Which rows of a dataset an export takes: the filter of a request, read once and the same for every warehouse."""
