"""Everything that reads leaders."""
