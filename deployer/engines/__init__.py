"""Engines that run a query's text on rows: they take text, columns and rows, and know no rule and no tenant."""
