"""The allowlists of tenants: what they hold, edits of them, what is due for review, what lets something through."""
