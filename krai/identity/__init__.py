"""Who a caller is, by an ID token of OpenID Connect."""
