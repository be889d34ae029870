"""Who may call: API keys, and the short-lived credentials that they sign."""
