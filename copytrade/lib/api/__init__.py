"""What every HTTP endpoint shares: the envelope, errors, paging, throttling and the schema."""
