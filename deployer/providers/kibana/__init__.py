"""Elastic Security through Kibana's public APIs."""
