"""Recording: what engines send is stored, in order, once."""
