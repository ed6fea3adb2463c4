"""Counting: exact counts of stock that keeps moving."""
