"""On-the-fly encryption of files in age v1 (https://c2sp.org/age).

``keys.parse_key`` reads what a script gives as ``OTFEKey``; the key makes an ``Encryptor`` or a ``Decryptor`` for each
file::

    coder = parse_key(text).encryptor()
    for piece in source:
        target.write(coder.update(piece))
    target.write(coder.finish())

A coder holds one chunk of 64 KiB, and knows nothing of files, sockets and sites. Every failure is a ``NightdropError``
with a code of its own (``errors``); a target is complete only when ``finish`` has returned.
"""
