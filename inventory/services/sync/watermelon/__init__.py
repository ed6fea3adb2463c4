"""The sync protocol of unmodified WatermelonDB clients (PROTOCOL §5)."""
