"""Pages: one file for services, one for environments, one for keys."""
