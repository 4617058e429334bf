"""Machines in namespaces of a test's own, on which a user that azready made really logs in."""
