"""How fast the simulator is, product by product: `python -m infra.local.dynamics.benchmark`."""
