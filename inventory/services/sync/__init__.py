"""Sync: pull from the feed, push through the services."""
