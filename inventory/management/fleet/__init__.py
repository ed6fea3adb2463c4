"""A fleet of virtual devices: a client of the sync protocol, what goes wrong around it, and the proof that it held."""
