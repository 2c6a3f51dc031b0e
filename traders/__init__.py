"""Leaders, what they do and how good they are."""
