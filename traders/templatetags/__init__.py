"""How figures and charts of leaders are shown."""
