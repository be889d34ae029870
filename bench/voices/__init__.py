"""How well vectors tell voices apart."""
