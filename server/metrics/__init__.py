"""Every metric of the server, each declared once. What it means to an operator stands in docs/operations.md."""
