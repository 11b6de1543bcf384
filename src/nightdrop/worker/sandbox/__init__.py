"""Kernel confinement: seccomp, Landlock, namespaces, limits."""
