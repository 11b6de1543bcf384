"""The remote clients of the script API: SFTP, FTPS, S3, Azure Blob and Google Cloud Storage.

``service`` answers a script's calls; ``transfer`` moves files over anything that is a ``port.Remote``; each protocol
has one file. Nothing here makes a connection: sockets come from the ``Dial`` that the service is given.
"""
