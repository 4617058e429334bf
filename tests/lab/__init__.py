"""The lab: an Azure on the desk, and machines that are provisioned by it."""
