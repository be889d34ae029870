"""How the server is deployed: one machine, a cluster, Ray."""
