"""gRPC plumbing that both services and the client use.

Admission rule: a module belongs here when more than one of them uses it today and when it would make sense in a service about recipes.
No domain word, no contract, no database. Anything beyond the modules that are here needs a page in docs/decisions.
"""
