"""Generic parts without models: any app may use them."""
