"""Signing in with an OpenID Connect provider: the installation's own, or an organisation's."""
