"""The files of a site: what scripts, and the clients that move files for them, can reach on this host."""

from nightdrop.syncjs.files.problem import FileProblem
from nightdrop.syncjs.files.roots import Roots
from nightdrop.syncjs.files.tree import Entry, Files

__all__ = ["Entry", "FileProblem", "Files", "Roots"]
