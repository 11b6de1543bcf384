"""The keeper: the only process that opens secrets.

It has no listening socket. The worker holds the control channel; each run's gateway holds one channel that is bound
to that run and its site. Format of what it stores: ``docs/formats-keeper.md``.
"""
