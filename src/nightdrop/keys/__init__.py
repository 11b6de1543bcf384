"""Node, site and recovery keys, and what protects them."""
