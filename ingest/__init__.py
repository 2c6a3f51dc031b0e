"""How facts about leaders arrive: parse, validate, normalise, deduplicate, store."""
