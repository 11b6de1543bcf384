"""Making an installation, and looking whether one is well."""
