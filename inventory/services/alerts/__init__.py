"""Alerts: rules, what they find, what is raised and cleared, and who is told."""
