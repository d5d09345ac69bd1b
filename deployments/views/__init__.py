"""Pages: one file for deployments, one for a service's integration."""
