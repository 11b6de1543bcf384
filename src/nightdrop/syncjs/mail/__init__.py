"""Mail of scripts: what a message may be, how it is put together, how it is handed to a server."""
