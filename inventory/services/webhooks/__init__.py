"""Webhooks: endpoints, what is read for them, what is sent and how it is signed."""
