"""How the pair is deployed: images, manifests, and both services on one machine."""
