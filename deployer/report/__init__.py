"""Outcomes in, text out. Nothing here decides, reads or writes."""
