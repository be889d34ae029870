"""How a device's memory is shared out, planned before the first kernel."""
