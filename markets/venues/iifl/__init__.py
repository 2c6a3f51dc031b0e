"""IIFL: shares of the NSE through the XTS interface of Symphony."""
