"""The ground: settings, wiring and what knows no device and no product."""
