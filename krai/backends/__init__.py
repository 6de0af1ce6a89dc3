"""What stands behind the ports: `local` on this machine alone, others on a cloud's services. Only `krai.wiring` chooses."""
