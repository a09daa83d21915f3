"""The authority that signs people in (OpenID Connect, authorization code with PKCE), as Microsoft's does."""
