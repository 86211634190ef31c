"""Rule tests: from a case to events, from events to matches, from matches to an answer."""
