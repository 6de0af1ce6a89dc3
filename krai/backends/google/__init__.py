"""Google Cloud's services behind the ports."""
